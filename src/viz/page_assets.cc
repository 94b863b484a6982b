#include "viz/page_assets.h"

// The files' bytes, put here by the assembler.
#define ATTEND_ASSET(name, file)                                        \
  asm(".pushsection .rodata\n"                                          \
      ".global attend_" #name                                           \
      "_begin\n"                                                        \
      ".global attend_" #name                                           \
      "_end\n"                                                          \
      "attend_" #name                                                   \
      "_begin:\n"                                                       \
      ".incbin \"" ATTEND_PAGE_DIR "/" file                             \
      "\"\n"                                                            \
      "attend_" #name                                                   \
      "_end:\n"                                                         \
      ".popsection\n");                                                 \
  extern "C" const char attend_##name##_begin[], attend_##name##_end[]; \
  std::string_view attend::name() { return {attend_##name##_begin, attend_##name##_end}; }

ATTEND_ASSET(page_style, "style.css")
ATTEND_ASSET(maps_script, "maps.js")
ATTEND_ASSET(pictures_script, "pictures.js")
ATTEND_ASSET(evaluation_script, "evaluation.js")
ATTEND_ASSET(curves_script, "curves.js")
