#include "text/html_images.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "text/unicode.h"

namespace attend {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }
bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) && static_cast<unsigned char>(c) < 0x80; }

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return made;
}

/// A text with the character references resolved that file names and words may need; others stay as they are.
std::string resolved(std::string_view text) {
  static constexpr std::pair<std::string_view, char32_t> names[] = {{"amp", '&'},  {"lt", '<'},    {"gt", '>'},
                                                                    {"quot", '"'}, {"apos", '\''}, {"nbsp", 0xa0}};
  constexpr size_t kLongestReference = 11;  // behind its &
  std::string made;
  for (size_t at = 0; at < text.size();) {
    const auto ahead = text.substr(at + 1, text[at] == '&' ? kLongestReference : 0);
    const auto name = ahead.substr(0, ahead.find(';'));
    const size_t end = at + 1 + name.size();
    char32_t code = 0;
    if (name.size() > 1 && name.size() < ahead.size() && name[0] == '#') {
      const bool hexadecimal = name[1] == 'x' || name[1] == 'X';
      const auto digits = name.substr(hexadecimal ? 2 : 1);
      uint32_t value = 0;
      const auto [behind, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value, hexadecimal ? 16 : 10);
      if (error == std::errc() && behind == digits.data() + digits.size() && value < 0x110000) code = value;
    }
    for (const auto& [known, value] : names)
      if (name == known && name.size() < ahead.size()) code = value;
    if (code == 0) {
      made += text[at++];
    } else {
      append_utf8(made, code);
      at = end + 1;
    }
  }
  return made;
}

/// Whether the first role of a list that a picture can have (WAI-ARIA 1.2, 8.1) says that it is decoration.
bool is_decorative(std::string_view roles) {
  for (size_t at = 0; at < roles.size();) {
    while (at < roles.size() && is_blank(roles[at])) ++at;
    size_t end = at;
    while (end < roles.size() && !is_blank(roles[end])) ++end;
    const std::string role = lower(roles.substr(at, end - at));
    if (role == "presentation" || role == "none") return true;
    if (role == "img" || role == "image") return false;
    at = end;
  }
  return false;
}

class Scanner {
 public:
  explicit Scanner(std::string_view page) : page_(page) {}

  HtmlPage scan() {
    while ((at_ = page_.find('<', at_)) != page_.npos && at_ + 1 < page_.size()) {
      const char next = page_[at_ + 1];
      if (page_.substr(at_).starts_with("<!--"))
        skip_comment();
      else if (next == '!' || next == '?')
        skip_behind(">");
      else if (is_letter(next) || (next == '/' && at_ + 2 < page_.size() && is_letter(page_[at_ + 2])))
        read_tag();
      else
        ++at_;
    }
    return std::move(found_);
  }

 private:
  void skip_behind(std::string_view end) {
    at_ = page_.find(end, at_);
    at_ = at_ == page_.npos ? page_.size() : at_ + end.size();
  }

  void skip_comment() {
    at_ += 4;
    if (page_.substr(at_).starts_with(">") || page_.substr(at_).starts_with("->")) return skip_behind(">");
    for (; (at_ = page_.find("--", at_)) != page_.npos; ++at_)
      if (const auto rest = page_.substr(at_ + 2); rest.starts_with(">") || rest.starts_with("!>"))
        return skip_behind(">");
    at_ = page_.size();
  }

  void skip_blanks(bool slashes) {
    while (at_ < page_.size() && (is_blank(page_[at_]) || (slashes && page_[at_] == '/'))) ++at_;
  }

  struct Attribute {
    std::string name;
    std::string_view value;
    size_t begin = 0, end = 0;  // of all of it
  };

  /// The next attribute of the tag that at_ is in; false at its end, which is then behind at_.
  bool next_attribute(Attribute& attribute) {
    skip_blanks(true);
    if (at_ >= page_.size()) return false;
    if (page_[at_] == '>') return ++at_, false;
    attribute.begin = at_;
    ++at_;  // an equals sign at the beginning is a part of the name
    while (at_ < page_.size() && !is_blank(page_[at_]) && page_[at_] != '/' && page_[at_] != '>' && page_[at_] != '=')
      ++at_;
    attribute.name = lower(page_.substr(attribute.begin, at_ - attribute.begin));
    attribute.value = {};
    attribute.end = at_;
    skip_blanks(false);
    if (at_ >= page_.size() || page_[at_] != '=') return true;
    ++at_;
    skip_blanks(false);
    if (at_ >= page_.size()) return false;
    const char quote = page_[at_];
    size_t begin = at_, end;
    if (quote == '"' || quote == '\'') {
      end = page_.find(quote, ++begin);
      if (end == page_.npos) return at_ = page_.size(), false;
      at_ = end + 1;
    } else {
      while (at_ < page_.size() && !is_blank(page_[at_]) && page_[at_] != '>') ++at_;
      end = at_;
    }
    attribute.value = page_.substr(begin, end - begin);
    attribute.end = at_;
    return true;
  }

  void read_tag() {
    const bool closes = page_[at_ + 1] == '/';
    const size_t begin = at_ + 1 + closes;
    at_ = begin;
    while (at_ < page_.size() && !is_blank(page_[at_]) && page_[at_] != '/' && page_[at_] != '>') ++at_;
    const std::string tag = lower(page_.substr(begin, at_ - begin));
    HtmlImage image;
    image.at = at_;
    bool has_source = false, has_role = false, has_hidden = false;  // of two of a name, browsers take the first
    for (Attribute attribute; next_attribute(attribute);) {
      if (closes) continue;
      if (tag == "base" && attribute.name == "href") found_.has_base = true;
      if (attribute.name == "src" && !has_source) image.source = resolved(attribute.value), has_source = true;
      if (attribute.name == "role" && !has_role) image.decorative |= is_decorative(attribute.value), has_role = true;
      if (attribute.name == "aria-hidden" && !has_hidden)
        image.decorative |= lower(attribute.value) == "true", has_hidden = true;
      if (attribute.name == "alt" && !image.alt) {
        image.alt = resolved(attribute.value);
        image.at = attribute.begin, image.length = attribute.end - attribute.begin;
      }
    }
    const bool whole = at_ <= page_.size() && at_ > 0 && page_[at_ - 1] == '>';
    if (closes) return;
    if (tag == "img" && whole) found_.images.push_back(std::move(image));
    static constexpr std::array raw{"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"};
    if (std::find(raw.begin(), raw.end(), tag) != raw.end()) skip_raw(tag);
  }

  /// To the end tag of an element whose content is text.
  void skip_raw(const std::string& tag) {
    for (; (at_ = page_.find("</", at_)) != page_.npos; ++at_) {
      const size_t end = at_ + 2 + tag.size();
      if (end < page_.size() && lower(page_.substr(at_ + 2, tag.size())) == tag &&
          (is_blank(page_[end]) || page_[end] == '/' || page_[end] == '>'))
        return;
    }
    at_ = page_.size();
  }

  const std::string_view page_;
  size_t at_ = 0;
  HtmlPage found_;
};

/// An attribute's value, to stand in double quotes.
std::string quoted(const std::string& text) {
  std::string made;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c == '"' || c == '&' || c == '<' || c == '>')
      made += c == '"' ? "&quot;" : c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;";
    else if (c < 0x80)
      made += static_cast<char>(c);
    else
      made += "&#" + std::to_string(static_cast<uint32_t>(c)) + ";";
  }
  return made;
}

}  // namespace

HtmlPage read_html(std::string_view page) { return Scanner(page).scan(); }

std::string with_alt_texts(std::string_view page, const HtmlPage& found,
                           const std::vector<std::pair<size_t, std::string>>& texts) {
  std::string made;
  size_t at = 0;
  for (const auto& [number, text] : texts) {
    const HtmlImage& image = found.images[number];
    made.append(page.substr(at, image.at - at));
    made.append((image.length ? "alt=\"" : " alt=\"") + quoted(text) + "\"");
    at = image.at + image.length;
    // Behind a value in no quotes or none there is always something that parts; behind a quote, browsers need nothing.
  }
  return made.append(page.substr(at));
}

std::optional<std::pair<std::string, bool>> local_file(std::string_view source) {
  while (!source.empty() && is_blank(source.front())) source.remove_prefix(1);
  while (!source.empty() && is_blank(source.back())) source.remove_suffix(1);
  source = source.substr(0, source.find_first_of("?#"));
  if (source.empty() || source.starts_with("//")) return std::nullopt;
  const size_t colon = source.find(':'), slash = source.find('/');
  if (colon != source.npos && colon < slash && is_letter(source.front())) return std::nullopt;
  const bool from_root = source.front() == '/';
  std::string path;
  for (size_t at = from_root ? 1 : 0; at < source.size(); ++at) {
    unsigned value = 0;
    const auto digits = source.substr(at).substr(0, 3);
    if (digits.size() == 3 && digits[0] == '%' &&
        std::from_chars(digits.data() + 1, digits.data() + 3, value, 16).ptr == digits.data() + 3 && value > 0) {
      path += static_cast<char>(value);
      at += 2;
    } else {
      path += source[at];
    }
  }
  return std::pair(path, from_root);
}

}  // namespace attend
