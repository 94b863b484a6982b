#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "vision/codecs.h"
#include "vision/colour_profile.h"

namespace attend::codecs {
namespace {

struct Delete {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};

/// The first frame of a file, or its only picture.
struct Frame : WebPIterator {
  explicit Frame(const WebPDemuxer* demuxer) : WebPIterator{} { found = WebPDemuxGetFrame(demuxer, 1, this) != 0; }
  ~Frame() { WebPDemuxReleaseIterator(this); }
  Frame(const Frame&) = delete;
  bool found;
};

/// A chunk's bytes within the file; none where it hasn't got one.
Bytes chunk_of(const WebPDemuxer* demuxer, const char* name) {
  WebPChunkIterator chunk{};
  Bytes bytes;
  if (WebPDemuxGetChunk(demuxer, name, 1, &chunk)) bytes = {chunk.chunk.bytes, chunk.chunk.size};
  WebPDemuxReleaseChunkIterator(&chunk);
  return bytes;
}

}  // namespace

Stored read_webp(Bytes file, const ReadLimits& limits) {
  const WebPData data{file.data(), file.size()};
  const std::unique_ptr<WebPDemuxer, Delete> demuxer(WebPDemux(&data));  // null unless every frame is whole
  if (!demuxer) throw Undecodable("not a whole WebP: cut short or damaged");
  const auto width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  const auto height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  check_size(width, height, limits);
  const Frame frame(demuxer.get());
  if (!frame.found) throw Undecodable("a WebP without a picture");

  if (ends_unwritten({frame.fragment.bytes, frame.fragment.size}))
    throw Undecodable("not a whole WebP: its last bytes were never written");

  Stored stored;
  stored.orientation = exif_orientation(chunk_of(demuxer.get(), "EXIF"));
  stored.full = cv::Size(static_cast<int>(width), static_cast<int>(height));
  stored.pixels = cv::Mat(stored.full, CV_8UC3, cv::Scalar::all(255));
  cv::Mat area = stored.pixels(cv::Rect(frame.x_offset, frame.y_offset, frame.width, frame.height));
  cv::Mat decoded = frame.has_alpha ? cv::Mat(area.size(), CV_8UC4) : area;
  const auto decode = frame.has_alpha ? WebPDecodeBGRAInto : WebPDecodeBGRInto;
  const size_t room = decoded.step * static_cast<size_t>(decoded.rows - 1) + decoded.cols * decoded.elemSize();
  if (!decode(frame.fragment.bytes, frame.fragment.size, decoded.data, room, static_cast<int>(decoded.step)))
    throw Undecodable("not a whole WebP: damaged pixel data");
  to_srgb(decoded, chunk_of(demuxer.get(), "ICCP"));
  if (frame.has_alpha) lay_over_white(decoded, area);
  return stored;
}

}  // namespace attend::codecs
