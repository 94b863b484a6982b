#include <algorithm>
#include <cctype>
#include <cstdint>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "vision/codecs.h"

// OpenCV's decoder writes to stderr about files that are cut short, and leaves alpha out.
namespace attend::codecs {
namespace {

[[noreturn]] void fail(const std::string& reason) { throw Undecodable("not a whole Netpbm file: " + reason); }

/// PBM, PGM, PPM (P1 to P6) or PAM (P7).
struct Header {
  bool text = false, bits = false;  // samples as decimal numbers; of one bit, 1 is black
  int64_t width = 0, height = 0, channels = 1, most = 1;
};

bool is_blank(unsigned char c) { return std::isspace(c) != 0; }

class Scanner {
 public:
  explicit Scanner(Bytes file) : rest_(file.subspan(2)) {}

  Bytes rest() const { return rest_; }
  void skip_byte() { rest_ = rest_.subspan(rest_.empty() ? 0 : 1); }

  /// What stands before the next blank.
  std::string word() {
    skip_blanks();
    std::string text;
    for (; !rest_.empty() && !is_blank(rest_[0]) && rest_[0] != '#' && text.size() < 64; skip_byte())
      text.push_back(static_cast<char>(rest_[0]));
    return text;
  }

  int64_t number() { return value_of(word()); }

  /// The next sample of a text file: P1's digits needn't have blanks between them.
  int64_t sample(bool bit) {
    if (!bit) return number();
    skip_blanks();
    if (rest_.empty()) fail("ends too early (cut short)");
    const int64_t value = rest_[0] - '0';
    if (value != 0 && value != 1) fail("a pixel that is neither 0 nor 1");
    skip_byte();
    return value;
  }

 private:
  /// Passes over blanks and comments (# to the end of the line).
  void skip_blanks() {
    bool comment = false;
    for (; !rest_.empty() && (comment || is_blank(rest_[0]) || rest_[0] == '#'); skip_byte())
      comment = rest_[0] != '\n' && (comment || rest_[0] == '#');
  }

  static int64_t value_of(const std::string& text) {
    if (text.empty()) fail("ends too early (cut short)");
    int64_t value = 0;
    for (const char digit : text) {
      if (digit < '0' || digit > '9' || value > 1'000'000'000) fail("a number is needed in place of \"" + text + "\"");
      value = value * 10 + digit - '0';
    }
    return value;
  }

  Bytes rest_;
};

Header read_header(Scanner& scanner, char kind) {
  Header header;
  if (kind != '7') {
    header.text = kind <= '3';
    header.bits = kind == '1' || kind == '4';
    header.channels = kind == '3' || kind == '6' ? 3 : 1;
    header.width = scanner.number();
    header.height = scanner.number();
    if (!header.bits) header.most = scanner.number();
  } else {
    for (std::string key = scanner.word(); key != "ENDHDR"; key = scanner.word()) {
      if (key.empty()) fail("ends too early (cut short)");
      if (key == "WIDTH")
        header.width = scanner.number();
      else if (key == "HEIGHT")
        header.height = scanner.number();
      else if (key == "DEPTH")
        header.channels = scanner.number();
      else if (key == "MAXVAL")
        header.most = scanner.number();
      else
        scanner.word();  // TUPLTYPE, which the depth tells as well
    }
  }
  if (!header.text) scanner.skip_byte();  // the one blank behind the header
  return header;
}

}  // namespace

Stored read_netpbm(Bytes file, const ReadLimits& limits) {
  if (file.size() < 3) fail("ends too early (cut short)");
  Scanner scanner(file);
  const Header header = read_header(scanner, static_cast<char>(file[1]));
  check_size(header.width, header.height, limits);
  if (header.most < 1 || header.most > 65535)
    fail("its largest value is " + std::to_string(header.most) + ", not 1 to 65535");
  if (header.channels < 1 || header.channels > 4)
    throw Undecodable("a PAM of " + std::to_string(header.channels) +
                      " channels is not read; convert it to JPEG or PNG first");
  const int width = static_cast<int>(header.width), height = static_cast<int>(header.height),
            channels = static_cast<int>(header.channels);
  const size_t bytes = header.most > 255 ? 2 : 1, samples = static_cast<size_t>(width) * static_cast<size_t>(channels);
  const size_t row = header.bits ? (static_cast<size_t>(width) + 7) / 8 : samples * bytes;
  const size_t needed = (header.text ? samples : row) * static_cast<size_t>(height);  // a digit a sample at least
  if (scanner.rest().size() < needed) fail("ends too early (cut short)");
  cv::Mat decoded(height, width, CV_8UC(channels));
  for (int y = 0; y < height; ++y) {
    const unsigned char* from = scanner.rest().data() + (header.text ? 0 : row * static_cast<size_t>(y));
    unsigned char* to = decoded.ptr(y);
    for (size_t i = 0; i < samples; ++i) {
      const int64_t value = header.text   ? scanner.sample(header.bits)
                            : header.bits ? from[i / 8] >> (7 - i % 8) & 1
                            : bytes == 2  ? from[2 * i] << 8 | from[2 * i + 1]
                                          : from[i];
      const int64_t level = (std::min(value, header.most) * 255 + header.most / 2) / header.most;
      to[i] = static_cast<unsigned char>(header.bits ? 255 - level : level);
    }
  }
  Stored stored;
  stored.full = decoded.size();
  if (channels == 2) {
    cv::Mat planes[2], bgra;
    cv::split(decoded, planes);
    cv::merge(std::vector{planes[0], planes[0], planes[0], planes[1]}, bgra);
    lay_over_white(bgra, stored.pixels);
  } else if (channels == 4) {
    cv::cvtColor(decoded, decoded, cv::COLOR_RGBA2BGRA);
    lay_over_white(decoded, stored.pixels);
  } else {
    cv::cvtColor(decoded, stored.pixels, channels == 1 ? cv::COLOR_GRAY2BGR : cv::COLOR_RGB2BGR);
  }
  return stored;
}

}  // namespace attend::codecs
