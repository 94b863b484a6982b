#include "viz/typeface.h"

#include <ft2build.h>
#include FT_FREETYPE_H

#include <algorithm>
#include <cstdint>
#include <functional>

#include "base/error.h"

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

/// The font opened in FreeType, once a thread: a face must not be shared.
class Face {
 public:
  static FT_Face at_size(int size) {
    thread_local Face face;
    FT_Set_Pixel_Sizes(face.face_, 0, static_cast<FT_UInt>(std::max(size, 1)));
    return face.face_;
  }
  Face(const Face&) = delete;

 private:
  Face() {
    if (FT_Init_FreeType(&library_) != 0 ||
        FT_New_Memory_Face(library_, attend_font_begin, attend_font_end - attend_font_begin, 0, &face_) != 0)
      throw Error("the font that is compiled into the program can't be opened");
  }
  ~Face() { FT_Done_FreeType(library_); }

  FT_Library library_ = nullptr;
  FT_Face face_ = nullptr;
};

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
  const FT_Face face = Face::at_size(size);
  FT_Pos pen = 0;  // in 1/64 pixels
  FT_UInt previous = 0;
  while (!text.empty()) {
    const FT_UInt index = FT_Get_Char_Index(face, next_character(text));
    FT_Vector kerning{};
    if (previous && index) FT_Get_Kerning(face, previous, index, FT_KERNING_DEFAULT, &kerning);
    pen += kerning.x;
    previous = index;
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
