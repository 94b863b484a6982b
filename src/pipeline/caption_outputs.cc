#include "pipeline/caption_outputs.h"

#include "base/error.h"
#include "base/parallel.h"
#include "pipeline/picture_files.h"

namespace attend {

CaptionOutputs::CaptionOutputs(const FileChoice& choice, const std::filesystem::path& page, const std::string& credit,
                               int threads)
    : choice_(choice), threads_(threads) {
  if (!page.empty()) page_.emplace(page, credit);
}

std::vector<CaptionOutputs::Written> CaptionOutputs::write(const std::vector<SeenPicture>& batch,
                                                           std::span<const PictureSource> pictures,
                                                           const std::vector<PictureFiles>& plan,
                                                           double min_confidence) const {
  std::vector<Written> written(batch.size());
  if (plan.empty() && !page_) return written;
  parallel_for(batch.size(), threads_, [&](size_t i) {
    const SeenPicture& picture = batch[i];
    if (picture.refused()) return;
    try {
      if (page_) {
        PagePicture page = page_record(picture);
        page.thumbnail = read_thumbnail(pictures[picture.index]);
        written[i].page = std::move(page);
      }
      if (!plan.empty() && !is_unsure(picture, min_confidence))
        write_files(plan[picture.index], pictures[picture.index], picture, choice_);
    } catch (const Error& error) {
      written[i].fault = error.what();
    }
  });
  return written;
}

void CaptionOutputs::keep(const SeenPicture& picture, const Written& written) {
  if (picture.refused()) return;
  if (page_ && !written.page.captions.empty()) page_->add(written.page);
  if (!written.fault.empty() || !(page_ || choice_.draws())) return;
  map_faults_.add(page_ ? written.page.captions.front().faults : check_maps(maps_of(picture.best().attention)));
}

std::vector<std::string> CaptionOutputs::finish(const std::string& stopped) {
  if (page_) page_->finish(stopped);
  return map_faults_.remarks();
}

}  // namespace attend
