#include "viz/typeface.h"

#include <ft2build.h>
#include FT_FREETYPE_H

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "text/unicode.h"

// The font's bytes, put here by the assembler.
asm(R"(
    .pushsection .rodata
    .global attend_font_begin
    .global attend_font_end
    .balign 16
attend_font_begin:
    .incbin ")" ATTEND_FONT R"("
attend_font_end:
    .popsection
)");
extern "C" const unsigned char attend_font_begin[], attend_font_end[];

namespace attend {
namespace {

/// The bytes of the font that use_font() named; empty: none.
std::string own_font;

/// A font opened in FreeType; once a thread, for a face must not be shared.
class Face {
 public:
  /// Throws InputError, which begins with `name`, where the bytes are no font.
  Face(const void* bytes, size_t size, const std::string& name) {
    if (FT_Init_FreeType(&library_) != 0 ||
        FT_New_Memory_Face(library_, static_cast<const FT_Byte*>(bytes), static_cast<FT_Long>(size), 0, &face_) != 0 ||
        !FT_IS_SCALABLE(face_)) {
      FT_Done_FreeType(library_);
      throw InputError(name + ": is no font that can be drawn at any size (TrueType, OpenType)");
    }
  }
  ~Face() { FT_Done_FreeType(library_); }
  Face(const Face&) = delete;

  FT_Face at_size(int size) const {
    FT_Set_Pixel_Sizes(face_, 0, static_cast<FT_UInt>(std::max(size, 1)));
    return face_;
  }

 private:
  FT_Library library_ = nullptr;
  FT_Face face_ = nullptr;
};

/// The fonts of this thread, the first that has a letter draws it.
const std::vector<std::unique_ptr<Face>>& faces() {
  thread_local const auto opened = [] {
    std::vector<std::unique_ptr<Face>> list;
    if (!own_font.empty()) list.push_back(std::make_unique<Face>(own_font.data(), own_font.size(), "the font"));
    list.push_back(std::make_unique<Face>(attend_font_begin, static_cast<size_t>(attend_font_end - attend_font_begin),
                                          "the font that is compiled into the program"));
    return list;
  }();
  return opened;
}

/// What text_faults() tells.
struct Faults {
  std::mutex mutex;
  std::set<char32_t> lacking;
  bool unshaped = false;
};
Faults faults;

/// Of the scripts from Hebrew to the Indic ones, Myanmar, Khmer and Arabic's presentation forms.
bool needs_shaping(char32_t c) {
  return (c >= 0x590 && c < 0xe00) || (c >= 0x1000 && c < 0x10a0) || (c >= 0x1780 && c < 0x1800) ||
         (c >= 0xfb1d && c < 0xfe00) || (c >= 0xfe70 && c < 0xfeff);
}

/// A letter in the first font that has it, or the last one's box.
struct Glyph {
  FT_Face face;
  FT_UInt index;
};

Glyph find_glyph(char32_t letter, int size) {
  Glyph glyph{};
  for (const auto& face : faces()) {
    glyph.face = face->at_size(size);
    glyph.index = FT_Get_Char_Index(glyph.face, letter);
    if (glyph.index != 0) break;
  }
  if (glyph.index == 0 || needs_shaping(letter)) {
    const std::lock_guard guard(faults.mutex);
    if (glyph.index == 0) faults.lacking.insert(letter);
    faults.unshaped |= needs_shaping(letter);
  }
  return glyph;
}

/// Takes the first character off `text`; U+FFFD stands for a byte that begins none.
char32_t next_character(std::string_view& text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0);
  const size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  char32_t character = length == 1 ? first : first & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    if (byte(i) >> 6 != 2) {
      text.remove_prefix(1);
      return U'\ufffd';
    }
    character = character << 6 | (byte(i) & 0x3f);
  }
  text.remove_prefix(std::max<size_t>(length, 1));
  return length == 0 ? U'\ufffd' : character;
}

/// Calls use(glyph, x) for each character, x its pen position, and returns where the pen ends.
int for_each_glyph(std::string_view text, int size, const std::function<void(FT_GlyphSlot, int)>& use) {
  FT_Pos pen = 0;  // in 1/64 pixels
  Glyph previous{};
  while (!text.empty()) {
    const Glyph glyph = find_glyph(next_character(text), size);
    const auto& [face, index] = glyph;
    FT_Vector kerning{};
    if (previous.index && index && previous.face == face)
      FT_Get_Kerning(face, previous.index, index, FT_KERNING_DEFAULT, &kerning);
    pen += kerning.x;
    previous = glyph;
    if (FT_Load_Glyph(face, index, FT_LOAD_RENDER | FT_LOAD_TARGET_LIGHT) != 0) continue;
    use(face->glyph, static_cast<int>((pen + 32) >> 6));
    pen += face->glyph->advance.x;
  }
  return static_cast<int>((pen + 63) >> 6);
}

void blend(cv::Vec3b& pixel, const cv::Scalar& colour, int coverage) {
  for (int c = 0; c < 3; ++c)
    pixel[c] = cv::saturate_cast<unsigned char>((colour[c] * coverage + pixel[c] * (255 - coverage)) / 255);
}

}  // namespace

void use_font(const std::filesystem::path& file) {
  own_font = read_file(file);
  Face(own_font.data(), own_font.size(), file.string());
}

std::string text_faults() {
  const std::lock_guard guard(faults.mutex);
  std::string text;
  if (!faults.lacking.empty()) {
    size_t shown = 0;
    for (const char32_t letter : faults.lacking) {
      if (shown++ == 8) break;
      text += (text.empty() ? "" : " ");
      append_utf8(text, letter);
    }
    text = "the font lacks " + text + (faults.lacking.size() > 8 ? " …" : "") +
           ", drawn as boxes; --font FILE names one that has them";
  }
  if (faults.unshaped)
    text += std::string(text.empty() ? "" : "; ") +
            "Hebrew, Arabic and Indic letters are drawn one by one from left to right, not joined";
  return text;
}

int text_width(std::string_view text, int size) {
  return for_each_glyph(text, size, [](FT_GlyphSlot, int) {});
}

int capital_height(int size) {
  int height = 0;
  for_each_glyph("H", size, [&](FT_GlyphSlot glyph, int) { height = glyph->bitmap_top; });
  return height;
}

void draw_text(cv::Mat& picture, cv::Point start, std::string_view text, int size, const cv::Scalar& colour) {
  CV_Assert(picture.type() == CV_8UC3);
  for_each_glyph(text, size, [&](FT_GlyphSlot glyph, int x) {
    const FT_Bitmap& bitmap = glyph->bitmap;
    const cv::Point corner(start.x + x + glyph->bitmap_left, start.y - glyph->bitmap_top);
    for (int row = 0; row < static_cast<int>(bitmap.rows); ++row)
      for (int col = 0; col < static_cast<int>(bitmap.width); ++col) {
        const cv::Point at = corner + cv::Point(col, row);
        if (at.x >= 0 && at.y >= 0 && at.x < picture.cols && at.y < picture.rows)
          blend(picture.at<cv::Vec3b>(at), colour, bitmap.buffer[row * bitmap.pitch + col]);
      }
  });
}

}  // namespace attend
