// What is kept of captioned pictures beside their captions: the files of each, and a page of all.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pipeline/file_plan.h"
#include "pipeline/page_record.h"
#include "pipeline/picture_source.h"
#include "pipeline/seen_picture.h"
#include "viz/caption_page.h"

namespace attend {

class CaptionOutputs {
 public:
  /// What was written of a picture, and is to be kept of it on the page.
  struct Written {
    std::string fault;  // why something couldn't be written, or ""
    PagePicture page;   // without captions where there is no page, or none of this picture
  };

  /// page: file of a page of all pictures, or empty; credit: what it says of where its captions come from. The choice must
  /// outlive the value. Throws Error when the page can't be written.
  CaptionOutputs(const FileChoice& choice, const std::filesystem::path& page, const std::string& credit, int threads);

  bool has_page() const { return page_.has_value(); }

  /// Writes the files of the pictures in a batch, side by side: not of those that were refused, nor of those whose best caption
  /// is less sure than `min_confidence`. plan[i]: files of pictures[i], i being their index; no plan where none are wanted.
  std::vector<Written> write(const std::vector<SeenPicture>& batch, std::span<const PictureSource> pictures,
                             const std::vector<PictureFiles>& plan, double min_confidence) const;
  /// Adds a picture of a batch to the page. Throws Error when the page can't be written.
  void keep(const SeenPicture& picture, const Written& written);
  /// Ends the page, and returns what is to be said of the maps, a line a fault. stopped: what the page says where it hasn't all
  /// pictures.
  std::vector<std::string> finish(const std::string& stopped = "");

 private:
  const FileChoice& choice_;
  const int threads_;
  std::optional<CaptionPage> page_;
  MapFaultCount map_faults_;
};

/// Whether a caption's confidence is known and below `least`.
inline bool is_unsure(const SeenPicture& picture, double least) {
  return !picture.refused() && picture.best().confidence.value_or(1) < least;
}

}  // namespace attend
