// B pictures of a batch · S input side · k other pictures of a caption
#include "pipeline/audit_findings.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "data/hash.h"
#include "decode/forced.h"
#include "pipeline/held_against.h"
#include "pipeline/score_pictures.h"
#include "text/unicode.h"
#include "vision/picture_hash.h"

namespace attend {
namespace {

bool is_foreign(const GivenCaption& given) {
  constexpr size_t kLeastWords = 4;
  constexpr char32_t kBehindLatin = 0x370;  // and behind the marks that are combined with it
  const size_t words = given.tokens.size(), unknown = given.unknown().size();
  if (words >= kLeastWords && 2 * unknown > words) return true;
  if (words == 0 || unknown < words) return false;
  for (const auto& token : given.tokens)
    for (size_t at = 0; at < token.size();)
      if (const char32_t c = next_code_point(token, at); c >= kBehindLatin && char_class(c) == CharClass::kLetter)
        return true;
  return false;
}

Json json_of(const Findings& findings) {
  Json json{{"captions", Json::array()},
            {"pictures", Json::array()},
            {"foreign", Json::array()},
            {"refusals", findings.refusals},
            {"refused", findings.refused}};
  for (const auto& one : findings.captions) {
    const auto& caption = one.caption;
    json["captions"].push_back({caption.picture, caption.place, caption.words, caption.unknown, caption.log_probability,
                                one.words, one.log_mean_others, one.others, one.stranger_picture, one.stranger});
  }
  for (const auto& one : findings.contents) json["pictures"].push_back({one.pixels, one.looks, one.picture});
  for (const auto& one : findings.foreign) json["foreign"].push_back({one.picture, one.place, one.words, one.unknown});
  return json;
}

Findings findings_of(const Json& json) {
  Findings findings;
  for (const auto& one : json.at("captions")) {
    auto& found = findings.captions.emplace_back();
    found.caption.picture = one.at(0), found.caption.place = one.at(1);
    found.caption.words = one.at(2), found.caption.unknown = one.at(3), found.caption.log_probability = one.at(4);
    found.words = one.at(5).get<std::vector<int32_t>>();
    found.log_mean_others = one.at(6), found.others = one.at(7);
    found.stranger_picture = one.at(8), found.stranger = one.at(9);
  }
  for (const auto& one : json.at("pictures")) findings.contents.push_back({one.at(0), one.at(1), one.at(2)});
  for (const auto& one : json.at("foreign")) findings.foreign.push_back({one.at(0), one.at(1), one.at(2), one.at(3)});
  findings.refusals = json.at("refusals").get<std::vector<std::string>>();
  findings.refused = json.at("refused");
  return findings;
}

}  // namespace

std::vector<PictureContent> contents_of(const PictureBatch& batch) {
  std::vector<PictureContent> contents;
  for (const auto& picture : batch.pictures) {
    if (picture.refused()) continue;
    const auto input = batch.inputs.front()[static_cast<int64_t>(contents.size())].contiguous();  // [S, S, 3]
    const auto side = static_cast<int>(input.size(0));
    contents.push_back({hash_bytes({static_cast<const char*>(input.data_ptr()), static_cast<size_t>(input.numel())}),
                        perceptual_hash(cv::Mat(side, side, CV_8UC3, input.data_ptr())),
                        static_cast<uint32_t>(picture.index)});
  }
  return contents;
}

Findings hold_against(Ensemble& ensemble, const PictureBatch& batch, std::span<const uint32_t> order,
                      const ListView<std::vector<std::string>>& captions, const AuditWork& work) {
  Findings findings;
  findings.contents = contents_of(batch);
  std::vector<const SeenPicture*> rows;  // of the inputs
  for (const auto& picture : batch.pictures) {
    if (picture.refused()) {
      findings.refusals.push_back(picture.refusal);
      findings.refused += captions[order[picture.index]].size();
      continue;
    }
    findings.contents[rows.size()].picture = order[picture.index];
    rows.push_back(&picture);
  }
  std::vector<Likelihoods> walked;
  std::vector<GivenWords> walks;
  std::vector<size_t> ends;  // behind each caption's walks: its own picture's, those of k others, the stranger's
  for (size_t row = 0; row < rows.size(); ++row) {
    const size_t picture = order[rows[row]->index];
    std::vector<size_t> others;
    for (size_t other = 0; other < rows.size(); ++other)
      if (findings.contents[other].pixels != findings.contents[row].pixels) others.push_back(other);
    auto lot = lot_of(work.seed, picture);
    others = draw(std::move(others), static_cast<size_t>(work.others) + 1, lot);
    const auto texts = captions[picture];
    for (size_t place = 0; place < texts.size(); ++place) {
      const auto given = given_caption(texts[place], ensemble.first().vocabulary);
      const std::array<uint32_t, 4> numbers{static_cast<uint32_t>(picture), static_cast<uint32_t>(place),
                                            static_cast<uint32_t>(given.tokens.size()),
                                            static_cast<uint32_t>(given.unknown().size())};
      if (is_foreign(given)) findings.foreign.push_back({numbers[0], numbers[1], numbers[2], numbers[3]});
      auto refusal = caption_refusal(given, rows[row]->name + ": caption", work.max_words);
      if (refusal.empty() && others.empty())
        refusal = rows[row]->name + ": no other picture was read with it to hold its captions against";
      if (!refusal.empty()) {
        findings.refusals.push_back(std::move(refusal));
        ++findings.refused;
        continue;
      }
      auto& found = walked.emplace_back();
      found.caption = {numbers[0], numbers[1], numbers[2], numbers[3]};
      const auto words = given.words();
      found.words.assign(words.begin(), words.end());
      found.stranger_picture = order[rows[others.back()]->index];
      walks.push_back({static_cast<int64_t>(row), words});
      for (const size_t other : others) walks.push_back({static_cast<int64_t>(other), words});
      ends.push_back(walks.size());
    }
  }
  if (walks.empty()) return findings;
  const auto forced = ensemble.force(ensemble.annotate(batch.inputs), walks, DecodeOptions(), {false, false});
  size_t at = 0;
  for (size_t i = 0; i < ends.size(); ++i) {
    auto& found = walked[i];
    std::vector<double> others;
    found.caption.log_probability = forced[at].log_probability;
    while (++at < ends[i]) others.push_back(forced[at].log_probability);
    found.stranger = others.back();
    if (others.size() > 1) others.pop_back();  // the only other picture is the stranger, too
    found.log_mean_others = log_mean(others);
    found.others = static_cast<uint32_t>(others.size());
    if (std::isfinite(found.caption.log_probability) && std::isfinite(found.stranger) &&
        std::isfinite(found.log_mean_others)) {
      findings.captions.push_back(std::move(found));
      continue;
    }
    findings.refusals.push_back(rows[static_cast<size_t>(walks[i == 0 ? 0 : ends[i - 1]].picture)]->name +
                                ": the model gives the words of a caption no finite probabilities");
    ++findings.refused;
  }
  return findings;
}

FindingsFile::FindingsFile(std::filesystem::path path, const Json& audit) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail();
  const auto refuse = [&](const std::string& why) {
    ::close(descriptor_);
    throw InputError(path_.string() + ": " + why);
  };
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) refuse("another audit writes to it");
  const auto first = line();
  if (!first) {
    if (!buffer_.empty() && !std::string("{\"audit\":").starts_with(buffer_.substr(0, 9)))
      refuse("isn't a checkpoint of attend audit; name another file");
    if (::ftruncate(descriptor_, 0) != 0 || ::lseek(descriptor_, 0, SEEK_SET) < 0) fail();
    buffer_.clear();
    append(Json{{"audit", audit}}.dump() + "\n");
    return;
  }
  const Json there = Json::parse(*first, nullptr, false);
  if (!there.is_object() || !there.contains("audit") || !there["audit"].is_object())
    refuse("isn't a checkpoint of attend audit; name another file");
  for (const auto& [key, value] : audit.items()) {
    const Json other = there["audit"].value(key, Json());
    if (other == value) continue;
    refuse("is of another audit: " +
           (key == "data"     ? std::string("of other pictures or captions")
            : key == "models" ? std::string("by another model")
                              : key + " is " + other.dump() + " there and " + value.dump() + " here") +
           "; name another file, or delete it to begin anew");
  }
}

FindingsFile::~FindingsFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<std::string> FindingsFile::line() {
  for (;;) {
    if (const size_t end = buffer_.find('\n'); end != buffer_.npos) {
      std::string text = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      taken_ += static_cast<int64_t>(end) + 1;
      return text;
    }
    char bytes[1 << 16];
    const ssize_t count = ::read(descriptor_, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail();
    if (count == 0) return std::nullopt;
    buffer_.append(bytes, static_cast<size_t>(count));
  }
}

std::optional<Findings> FindingsFile::next() {
  const int64_t before = taken_;
  if (const auto text = line()) {
    try {
      return findings_of(Json::parse(*text));
    } catch (const Json::exception&) {
      taken_ = before;  // what a file system lost
    }
  }
  buffer_.clear();
  if (::ftruncate(descriptor_, taken_) != 0 || ::lseek(descriptor_, taken_, SEEK_SET) < 0) fail();
  return std::nullopt;
}

void FindingsFile::add(const Findings& findings) {
  append(json_of(findings).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void FindingsFile::append(std::string text) {
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail();
    rest.remove_prefix(static_cast<size_t>(count));
  }
  if (::fdatasync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) fail();
  taken_ += static_cast<int64_t>(text.size());
}

void FindingsFile::fail() const { throw Error(path_.string() + ": " + std::strerror(errno)); }

}  // namespace attend
