#include "data/caption_store.h"

#include <utility>

namespace attend {
namespace {

void put(std::string& to, const std::string& text) {
  const auto size = static_cast<uint32_t>(text.size());
  to.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
}

std::string take(const std::string& from, size_t& at) {
  uint32_t size;
  std::memcpy(&size, from.data() + at, sizeof size);
  std::string text = from.substr(at + sizeof size, size);
  at += sizeof size + size;
  return text;
}

}  // namespace

void CaptionStore::add(const std::filesystem::path& picture, std::string caption) {
  if (last_.captions.empty() || last_.picture != picture) {
    put_last();
    last_.picture = picture;
  }
  last_.captions.push_back(std::move(caption));
}

void CaptionStore::add(CaptionedPicture picture) {
  put_last();
  last_ = std::move(picture);
}

CaptionedPicture CaptionStore::operator[](size_t i) const {
  if (i == begins_.size()) return last_;
  const uint64_t end = i + 1 < begins_.size() ? begins_[i + 1] : spool_.size();
  const std::string record = spool_.read(begins_[i], static_cast<size_t>(end - begins_[i]));
  size_t at = 0;
  CaptionedPicture picture{take(record, at), {}};
  while (at < record.size()) picture.captions.push_back(take(record, at));
  return picture;
}

void CaptionStore::put_last() {
  if (last_.captions.empty()) return;
  std::string record;
  put(record, last_.picture.native());
  for (const auto& caption : last_.captions) put(record, caption);
  begins_.push_back(spool_.add(record));
  last_ = {};
}

}  // namespace attend
