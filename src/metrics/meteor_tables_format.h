// The file of METEOR's tables: a header, then arrays of 32-bit numbers one behind the other, then the words' letters.
#pragma once

#include <array>
#include <cstdint>

namespace attend {

constexpr std::array<char, 8> kMeteorMagic = {'a', 't', 't', 'M', 'E', 'T', 'R', '1'};

enum MeteorSection {
  kFunctionWords,    // word numbers, rising
  kTextBegin,        // per word and one more: where its letters begin; words are in the order of their bytes
  kSetBegin,         // per word and one more: where its synonym sets begin
  kSets,             // synonym sets, rising within a word
  kBaseBegin,        // per word and one more: where its irregular base forms begin
  kBases,            // word numbers
  kNodeWord,         // per node of the phrases' tree: the word that leads to it; node 0 is the root
  kNodeChild,        // per node and one more: its first child; children stand side by side, their words rising
  kParaphraseBegin,  // per node and one more: where its paraphrases begin
  kParaphrases,      // nodes, rising within a node
  kText,             // bytes
  kMeteorSections
};

struct MeteorHeader {
  std::array<char, 8> magic = kMeteorMagic;
  std::array<uint32_t, kMeteorSections> sizes{};  // entries a section
};

}  // namespace attend
