// The styles and scripts of the pages: files of src/viz/page, compiled into the program.
#pragma once

#include <string_view>

namespace attend {

std::string_view page_style();         // style.css: every page
std::string_view maps_script();        // maps.js: weights to pixels
std::string_view pictures_script();    // pictures.js: pictures with captions; needs maps.js
std::string_view evaluation_script();  // evaluation.js: sorting, filtering, distributions; needs pictures.js
std::string_view curves_script();      // curves.js: reading values off training curves

}  // namespace attend
