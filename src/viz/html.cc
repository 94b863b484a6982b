#include "viz/html.h"

#include "base/console.h"
#include "text/unicode.h"
#include "viz/page_assets.h"

namespace attend {

std::string html_text(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    switch (c) {
      case U'&':
        safe += "&amp;";
        break;
      case U'<':
        safe += "&lt;";
        break;
      case U'>':
        safe += "&gt;";
        break;
      case U'"':
        safe += "&quot;";
        break;
      case U'\'':
        safe += "&#39;";
        break;
      default:
        append_utf8(safe, c < 0x20 && c != U'\t' && c != U'\n' ? U'\ufffd' : c);
    }
  }
  return safe;
}

std::string html_json(const Json& json) {
  std::string safe;
  for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    if (c == '<')  // only ever within a string
      safe += "\\u003c";
    else
      safe += c;
  }
  return safe;
}

HtmlFile::HtmlFile(const std::filesystem::path& path, const std::string& title) : path_(path), file_(path) {
  write(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
      "<title>" +
      html_text(title) + "</title>\n<style>\n");
  write(page_style());
  write("</style>\n</head>\n<body>\n");
}

void HtmlFile::write(std::string_view html) {
  bytes_ += html.size();
  file_.write(html);
}

void HtmlFile::finish(std::initializer_list<std::string_view> scripts) {
  write("<script>\n\"use strict\";\n");
  for (const auto& script : scripts) write(script);
  write("</script>\n</body>\n</html>\n");
  file_.commit();
  if (bytes_ > kLargePage)
    warn(path_.string() + ": a page of " + std::to_string(bytes_ >> 20) +
         " MiB, which browsers open slowly or not at all; make pages of fewer pictures");
}

}  // namespace attend
