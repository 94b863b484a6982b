// What an audit finds of one batch after another, and the file that keeps it.
//
// B pictures of a batch · k other pictures of a caption
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "pipeline/audit.h"

namespace attend {

/// How likely a caption is with some pictures. Finite.
struct Likelihoods {
  AuditedCaption caption;
  std::vector<int32_t> words;  // as the model knows them
  double log_mean_others = 0;  // logarithm of the mean probability with `others` other pictures
  uint32_t others = 0;         // at least 1, at most k
  uint32_t stranger_picture = 0;
  double stranger = 0;  // with one more, which stands for a picture that the caption doesn't belong to
};

struct PictureContent {
  uint64_t pixels, looks;  // hash of all pixels as the model gets them, and the perceptual one
  uint32_t picture;
};

/// What was found in a batch of pictures.
struct Findings {
  std::vector<Likelihoods> captions;
  std::vector<PictureContent> contents;
  std::vector<ForeignCaption> foreign;
  std::vector<std::string> refusals;
  size_t refused = 0;
};

/// Walks every caption of the batch with its own picture, and with up to work.others + 1 others of the batch. order[i]: the
/// picture at place i of the list.
Findings hold_against(Ensemble& ensemble, const PictureBatch& batch, std::span<const uint32_t> order,
                      const ListView<std::vector<std::string>>& captions, const AuditWork& work);

/// The contents of a batch's pictures: content[i].picture is the place in the list.
std::vector<PictureContent> contents_of(const PictureBatch& batch);

/// The findings of batches in their order, each a line of JSON behind one that says of which audit they are. A line that its writer
/// left unfinished is none. One process at a time has the file.
class FindingsFile {
 public:
  /// Opens it, or makes it. Throws InputError where it is of another audit than `audit` or no such file, Error where it can't be
  /// written or another process has it.
  FindingsFile(std::filesystem::path path, const Json& audit);
  ~FindingsFile();
  FindingsFile(const FindingsFile&) = delete;
  FindingsFile& operator=(const FindingsFile&) = delete;

  /// The findings of the next batch in it; nothing behind the last, and whatever stands there is cut off then.
  std::optional<Findings> next();
  /// Appends a batch's, all at once; to be called when next() has given nothing.
  void add(const Findings& findings);

 private:
  /// The next whole line, or nothing.
  std::optional<std::string> line();
  void append(std::string text);
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::string buffer_;  // read, not yet taken
  int64_t taken_ = 0;   // bytes of whole lines
};

}  // namespace attend
