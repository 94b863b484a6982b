#include "base/gzip.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

#include "base/error.h"

namespace attend {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kFree = 64 * kMiB, kMostRatio = 100;       // what a file may unpack to
constexpr uint64_t kLeastStep = 4 * kMiB, kMostPlaces = 512;  // packed bytes between places
constexpr uint64_t kMostUnpacked = 64 * kMiB;                 // unpacked bytes between places
constexpr size_t kBuffer = 1 << 16, kMostCursors = 16;
constexpr unsigned kWindow = 1 << 15;

/// Where a block begins.
struct Place {
  uint64_t packed, unpacked;  // bytes before it
  int bits;                   // of the byte before `packed` that belong to it
  std::string window;         // what was unpacked last
};

}  // namespace

struct GzipFile::State {
  class Cursor;

  std::filesystem::path path;
  uint64_t size = 0, step = kLeastStep;
  std::mutex mutex;
  std::vector<Place> places;                     // ascending
  std::vector<std::unique_ptr<Cursor>> cursors;  // that nobody uses, the last one used last

  std::unique_ptr<Cursor> take(uint64_t at);
  void give_back(std::unique_ptr<Cursor> cursor);
  void keep(uint64_t packed, uint64_t unpacked, z_stream& stream);
};

/// The file from one place on.
class GzipFile::State::Cursor {
 public:
  Cursor(State& state, const Place* place) : state_(state), buffer_(kBuffer), is_raw_(place != nullptr) {
    descriptor_ = ::open(state.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) throw InputError(state.path.string() + ": " + std::strerror(errno));
    if (::inflateInit2(&stream_, place ? -MAX_WBITS : MAX_WBITS + 16) != Z_OK) {
      ::close(descriptor_);
      throw std::bad_alloc();
    }
    if (!place) return;
    unpacked_ = place->unpacked;
    from_file_ = place->packed - (place->bits > 0);
    if (place->bits > 0 && fill()) {
      ::inflatePrime(&stream_, place->bits, *stream_.next_in >> (8 - place->bits));
      ++stream_.next_in, --stream_.avail_in;
    }
    ::inflateSetDictionary(&stream_, reinterpret_cast<const Bytef*>(place->window.data()),
                           static_cast<uInt>(place->window.size()));
  }
  ~Cursor() {
    ::inflateEnd(&stream_);
    ::close(descriptor_);
  }
  Cursor(const Cursor&) = delete;

  uint64_t at() const { return unpacked_; }

  /// The next `count` bytes, appended to `to` where it isn't null. Returns how many there were.
  uint64_t read(uint64_t count, std::string* to) {
    std::string aside(to ? 0 : kBuffer, '\0');
    uint64_t done = 0;
    while (done < count && !ended_) {
      const uint64_t most = std::min<uint64_t>(count - done, to ? kMiB : kBuffer);
      if (to) to->resize(done + most);  // what there really is decides, not what a header says
      char* const start = to ? to->data() + done : aside.data();
      uint64_t got = 0;
      while (got < most && !ended_) got += inflate_to(start + got, static_cast<unsigned>(most - got));
      done += got;
    }
    if (to) to->resize(done);
    return done;
  }

 private:
  uint64_t packed() const { return from_file_ - stream_.avail_in; }

  [[noreturn]] void fail(const std::string& why) const {
    throw InputError(state_.path.string() + ": can't be unpacked (gzip): byte " + std::to_string(packed()) + ": " +
                     why);
  }

  /// False where the file has no more bytes.
  bool fill() {
    if (stream_.avail_in > 0) return true;
    ssize_t got;
    do got = ::pread(descriptor_, buffer_.data(), buffer_.size(), static_cast<off_t>(from_file_));
    while (got < 0 && errno == EINTR);
    if (got < 0) fail(std::strerror(errno));
    from_file_ += static_cast<uint64_t>(got);
    stream_.next_in = buffer_.data();
    stream_.avail_in = static_cast<unsigned>(got);
    return got > 0;
  }

  /// Up to the end of the block, at most.
  uint64_t inflate_to(char* to, unsigned count) {
    if (!fill()) fail("ends too early (cut short)");
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = count;
    const int result = ::inflate(&stream_, Z_BLOCK);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      fail(stream_.msg ? stream_.msg : "is damaged");
    const unsigned got = count - stream_.avail_out;
    unpacked_ += got;
    if (unpacked_ > kFree && unpacked_ / kMostRatio > state_.size)
      fail("unpacks to more than " + std::to_string(kMostRatio) + " times the file's size; refused");
    if (result == Z_STREAM_END)
      next_part();
    else if ((stream_.data_type & 128) && !(stream_.data_type & 64))
      state_.keep(packed(), unpacked_, stream_);
    return got;
  }

  /// Behind the end of one part: another, or nothing that is meant.
  void next_part() {
    constexpr int kSums = 8;  // of the checksum and the size, which inflate() takes only where it has seen the header
    for (int i = 0; is_raw_ && i < kSums; ++i, ++stream_.next_in, --stream_.avail_in)
      if (!fill()) fail("ends too early (cut short)");
    is_raw_ = false;
    ended_ = !fill() || *stream_.next_in != 0x1f;
    if (!ended_) ::inflateReset2(&stream_, MAX_WBITS + 16);
  }

  State& state_;
  int descriptor_ = -1;
  std::vector<unsigned char> buffer_;
  z_stream stream_{};
  bool is_raw_, ended_ = false;
  uint64_t from_file_ = 0, unpacked_ = 0;  // bytes
};

/// The cursor that has the least to unpack before it is there.
std::unique_ptr<GzipFile::State::Cursor> GzipFile::State::take(uint64_t at) {
  const Place* place = nullptr;
  Place copy;
  {
    const std::lock_guard lock(mutex);
    const auto after =
        std::upper_bound(places.begin(), places.end(), at, [](uint64_t x, const Place& p) { return x < p.unpacked; });
    const uint64_t from = after == places.begin() ? 0 : (after - 1)->unpacked;
    auto best = cursors.end();
    for (auto it = cursors.begin(); it != cursors.end(); ++it)
      if ((*it)->at() <= at && (*it)->at() >= from && (best == cursors.end() || (*it)->at() > (*best)->at())) best = it;
    if (best != cursors.end()) {
      auto cursor = std::move(*best);
      cursors.erase(best);
      return cursor;
    }
    if (after != places.begin()) copy = *(after - 1), place = &copy;
  }
  return std::make_unique<Cursor>(*this, place);
}

void GzipFile::State::give_back(std::unique_ptr<Cursor> cursor) {
  const std::lock_guard lock(mutex);
  if (cursors.size() >= kMostCursors) cursors.erase(cursors.begin());
  cursors.push_back(std::move(cursor));
}

void GzipFile::State::keep(uint64_t packed, uint64_t unpacked, z_stream& stream) {
  const std::lock_guard lock(mutex);
  const uint64_t last_packed = places.empty() ? 0 : places.back().packed,
                 last_unpacked = places.empty() ? 0 : places.back().unpacked;
  if (packed < last_packed + step && unpacked < last_unpacked + kMostUnpacked) return;
  std::string window(kWindow, '\0');
  uInt length = kWindow;
  if (::inflateGetDictionary(&stream, reinterpret_cast<Bytef*>(window.data()), &length) != Z_OK) return;
  window.resize(length);
  places.push_back({packed, unpacked, stream.data_type & 7, std::move(window)});
}

GzipFile::GzipFile(std::filesystem::path path) : state_(std::make_unique<State>()) {
  state_->path = std::move(path);
  struct stat status;
  if (::stat(state_->path.c_str(), &status) != 0) throw InputError(state_->path.string() + ": " + std::strerror(errno));
  state_->size = static_cast<uint64_t>(status.st_size);
  state_->step = std::max(kLeastStep, state_->size / kMostPlaces);
}

GzipFile::~GzipFile() = default;

const std::filesystem::path& GzipFile::path() const { return state_->path; }

bool GzipFile::reaches(uint64_t end) {
  auto cursor = state_->take(end);
  cursor->read(end - cursor->at(), nullptr);
  const bool there = cursor->at() == end;
  state_->give_back(std::move(cursor));
  return there;
}

std::string GzipFile::read(uint64_t at, uint64_t count) {
  auto cursor = state_->take(at);
  std::string bytes;
  cursor->read(at - cursor->at(), nullptr);
  if (cursor->at() == at) cursor->read(count, &bytes);
  state_->give_back(std::move(cursor));
  return bytes;
}

}  // namespace attend
