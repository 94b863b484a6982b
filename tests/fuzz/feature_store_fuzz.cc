// The two files of a feature store, damaged at will: a row is served as it was stored, or not at all. An input says
// which bytes of the sound files are changed: file and place (four bytes), new value (one byte), again and again.
#include <array>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/files.h"
#include "data/feature_store.h"
#include "data/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
constexpr size_t L = 2, D = 3, kPictures = 4;

std::array<uint16_t, L * D> row_of(size_t picture) {
  std::array<uint16_t, L * D> row;
  row.fill(static_cast<uint16_t>(1000 + picture));
  return row;
}

struct Sound {
  attend::TemporaryFolder folder;
  std::vector<fs::path> pictures;
  std::array<fs::path, 2> files;
  std::array<std::string, 2> bytes;

  Sound() {
    for (size_t i = 0; i < kPictures; ++i)
      pictures.push_back(folder.write("images/" + std::to_string(i), "picture " + std::to_string(i)));
    auto store = open();
    for (size_t i = 0; i < kPictures; ++i) store.put(i, row_of(i), attend::content_hash(pictures[i]));
    store.sync();
    const char* endings[] = {".index", ".rows"};
    for (size_t i = 0; i < 2; ++i) {
      files[i] = fs::path(store.rows_file()).replace_extension(endings[i]);
      bytes[i] = attend::read_file(files[i]);
    }
  }
  attend::FeatureStore open() const { return attend::FeatureStore::open(folder / "store", "key", pictures, L, D); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Sound sound;
  auto bytes = sound.bytes;
  for (; size >= 5; data += 5, size -= 5) {
    uint32_t place;
    std::memcpy(&place, data, sizeof place);
    auto& file = bytes[place % 2];
    place /= 2;
    if (place % 16 == 15)
      file.resize(place / 16 % (2 * file.size() + 64));
    else if (!file.empty())
      file[place / 16 % file.size()] = static_cast<char>(data[4]);
  }
  for (size_t i = 0; i < 2; ++i) std::ofstream(sound.files[i], std::ios::binary) << bytes[i];
  try {
    const auto store = sound.open();
    for (size_t i = 0; i < kPictures; ++i) {
      std::array<uint16_t, L * D> row;
      try {
        store.read(i, row);
      } catch (const attend::Error&) {
        continue;
      }
      if (row != row_of(i)) std::abort();
    }
  } catch (const attend::Error&) {
  }
  return 0;
}
