// The pictures of an HTML page and their alternative texts, with everything else of the page left as it is.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attend {

/// An <img> of a page.
struct HtmlImage {
  std::string source;              // src, without character references; "" where there is none
  std::optional<std::string> alt;  // likewise
  bool decorative = false;         // role="presentation" or "none", aria-hidden="true": it wants no text
  size_t at = 0,
         length = 0;  // bytes of the page that an alt attribute is to replace: the one it has, or none behind "<img"
};

struct HtmlPage {
  std::vector<HtmlImage> images;  // in the page's order
  bool has_base = false;          // <base href> says where addresses start from
};

/// Finds the images as a browser's tokenizer does (HTML, 13.2.5): not in comments, scripts, styles, titles and text areas. Bytes
/// beyond ASCII may be of any encoding that keeps ASCII.
HtmlPage read_html(std::string_view page);

/// The page with alt attributes: each of `texts` (UTF-8) for the image of that number, in their order. Letters beyond ASCII
/// become character references, so that they are right in every encoding.
std::string with_alt_texts(std::string_view page, const HtmlPage& found,
                           const std::vector<std::pair<size_t, std::string>>& texts);

/// The path of a file that `source` names, without query and fragment and with %20 as a blank, and whether it starts from the
/// site's root ("/img/a.jpg"). Nothing for what lies elsewhere (https:, data:, //host) or nowhere ("").
std::optional<std::pair<std::string, bool>> local_file(std::string_view source);

}  // namespace attend
