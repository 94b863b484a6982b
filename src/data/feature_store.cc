#include "data/feature_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <unordered_map>

#include "base/console.h"
#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "data/hash.h"
#include "data/xxhash.h"

namespace attend {
namespace {

constexpr uint64_t no_row = UINT64_MAX, left_out = no_row - 1;
constexpr uint64_t never_trusted = 0;  // a stamp that no file has
constexpr size_t sync_bytes = size_t{64} << 20;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error(path.string() + ": " + what + ": " + std::strerror(errno));
}

/// Stands at the head of both files; they belong together when it is the same.
struct Header {
  std::array<char, 8> magic = {'a', 't', 't', 'e', 'n', 'd', 'F', '2'};
  std::array<uint64_t, 2> key{};  // XXH3, 128 bits, of the key, L and D
  uint64_t nonce = 0;             // drawn when the pair was made
  bool operator==(const Header&) const = default;
};
static_assert(sizeof(Header) == 32);
constexpr size_t rows_begin = 4096;  // a page, so that rows are aligned

/// One picture's entry in the index.
struct Record {
  uint64_t path;     // hash of the absolute path
  uint64_t stamp;    // of the file when its content was hashed
  uint64_t content;  // content_hash
  uint64_t row;
  uint64_t row_hash;  // XXH3 of the row's bytes
  uint64_t check;     // of the five above and the header
};

uint64_t checksum(const Record& record, const Header& header) {
  return XXH3_64bits_withSeed(&record, offsetof(Record, check), header.key[0] ^ header.nonce);
}

Header make_header(const std::string& key, size_t L, size_t D) {
  const std::string whole = key + "\n" + std::to_string(L) + "x" + std::to_string(D);
  const XXH128_hash_t hash = XXH3_128bits(whole.data(), whole.size());
  Header header;
  header.key = {hash.high64, hash.low64};
  return header;
}

std::string hex(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

uint64_t path_hash(const std::filesystem::path& path) {
  const std::string whole = std::filesystem::absolute(path).lexically_normal().string();
  return XXH3_64bits(whole.data(), whole.size());
}

/// What changes with a file's content without reading it: size, modification time and (it can't be set back) change
/// time. A file changed in the last seconds gets never_trusted: clocks of files tick coarsely enough for two
/// versions to look alike. So does a file that isn't there.
uint64_t stamp_of(const std::filesystem::path& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return never_trusted;
  if (std::time(nullptr) - status.st_ctim.tv_sec < 3) return never_trusted;
  const std::array<int64_t, 5> facts{status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                                     status.st_ctim.tv_sec, status.st_ctim.tv_nsec};
  return XXH3_64bits(facts.data(), sizeof facts) | 1;
}

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (value_ < 0) fail(path, "can't be opened");
  }
  ~Descriptor() { ::close(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return value_; }

 private:
  int value_;
};

size_t file_size(int file, const std::filesystem::path& path) {
  struct stat status;
  if (::fstat(file, &status) != 0) fail(path, "can't be read");
  return static_cast<size_t>(status.st_size);
}

/// The bytes from `offset` on, as many as there are up to `size`.
size_t read_at(int file, const std::filesystem::path& path, void* data, size_t size, size_t offset) {
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(file, static_cast<char*>(data) + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, "can't be read");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

void write_at(int file, const std::filesystem::path& path, const void* data, size_t size, size_t offset) {
  size_t done = 0;
  while (done < size) {
    const ssize_t put =
        ::pwrite(file, static_cast<const char*>(data) + done, size - done, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(path, "can't be written");
    done += static_cast<size_t>(put);
  }
}

/// Waits a moment for another process that only looks something up; one that fills the store takes too long.
void lock_index(int file, const std::filesystem::path& path, std::chrono::seconds patience) {
  for (int tries = 0; ::flock(file, LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno != EWOULDBLOCK && errno != EINTR) fail(path, "can't be locked");
    if (tries >= 10 * patience.count())
      throw Error(path.string() + ": another process is filling this feature store; wait for it or use another folder");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

uint64_t content_hash(const std::filesystem::path& file) { return hash_bytes(read_file(file)); }

struct FeatureStore::State {
  State(const std::filesystem::path& folder, const std::string& key, std::vector<std::filesystem::path> list, size_t L,
        size_t D)
      : pictures(std::move(list)),
        row_values(L * D),
        header(make_header(key, L, D)),
        index_path(folder / (hex(header.key[0]) + ".index")),
        rows_path(folder / (hex(header.key[0]) + ".rows")),
        index_file(index_path, O_RDWR | O_CREAT) {}

  std::vector<Record> load();
  void start_anew();
  std::vector<Record> read_index();
  void find_rows(const std::vector<Record>& records);
  std::vector<size_t> match_by_path(const std::vector<Record>& records);
  void match_by_content(const std::vector<size_t>& unsure);
  void record(size_t index, uint64_t content);
  void sync();

  size_t row_bytes() const { return row_values * sizeof(uint16_t); }

  const std::vector<std::filesystem::path> pictures;
  const size_t row_values;  // L·D
  Header header;
  const std::filesystem::path index_path, rows_path;
  const Descriptor index_file;
  std::unique_ptr<Descriptor> rows_file;

  std::vector<uint64_t> rows;                         // picture → row, or no_row
  std::vector<uint64_t> stamps;                       // picture → stamp before anybody read it
  std::vector<uint64_t> row_hashes;                   // by row
  std::unordered_map<uint64_t, uint64_t> by_content;  // content → row
  std::vector<Record> unwritten;                      // records whose rows may not be on disk yet
  size_t index_end = sizeof(Header);                  // where the next record goes
  uint64_t row_count = 0;                             // rows with a record, written or not
  size_t missing = 0, unsynced_bytes = 0;
};

/// Opens the pair, or makes a new one where it is absent or doesn't belong together; returns its records.
std::vector<Record> FeatureStore::State::load() {
  Header in_index, in_rows;
  in_index.magic = in_rows.magic = {};
  read_at(index_file, index_path, &in_index, sizeof in_index, 0);
  if (std::filesystem::exists(rows_path)) {
    rows_file = std::make_unique<Descriptor>(rows_path, O_RDWR);
    read_at(*rows_file, rows_path, &in_rows, sizeof in_rows, 0);
  }
  if (in_index == in_rows && in_index.magic == header.magic && in_index.key == header.key) {
    header = in_index;
    return read_index();
  }
  start_anew();
  return {};
}

/// New files replace the old ones, whose readers keep what they have opened.
void FeatureStore::State::start_anew() {
  if (file_size(index_file, index_path) > sizeof(Header))
    warn(index_path.string() + ": damaged, or of another version of attend; the store starts anew");
  row_count = 0;
  index_end = sizeof(Header);
  std::random_device random;
  header.nonce = (uint64_t{random()} << 32) | random();
  if (::ftruncate(index_file, 0) != 0) fail(index_path, "can't be written");
  std::filesystem::remove(rows_path);
  rows_file = std::make_unique<Descriptor>(rows_path, O_RDWR | O_CREAT | O_EXCL);
  write_at(*rows_file, rows_path, &header, sizeof header, 0);
  write_at(index_file, index_path, &header, sizeof header, 0);
}

std::vector<Record> FeatureStore::State::read_index() {
  std::vector<Record> records((file_size(index_file, index_path) - sizeof(Header)) / sizeof(Record));
  read_at(index_file, index_path, records.data(), records.size() * sizeof(Record), sizeof(Header));
  index_end = sizeof(Header) + records.size() * sizeof(Record);  // over a torn last record
  std::erase_if(records, [&](const Record& one) { return one.check != checksum(one, header); });
  for (const auto& one : records) row_count = std::max(row_count, one.row + 1);
  // Rows are on disk before their records: only a hand from outside can have cut them off.
  if (row_count > 0 && rows_begin + row_count * row_bytes() > file_size(*rows_file, rows_path)) {
    start_anew();
    return {};
  }
  return records;
}

void FeatureStore::State::find_rows(const std::vector<Record>& records) {
  rows.assign(pictures.size(), no_row);
  stamps.resize(pictures.size());
  row_hashes.resize(row_count);
  for (const auto& one : records) {
    by_content.emplace(one.content, one.row);
    row_hashes[one.row] = one.row_hash;
  }
  const auto unsure = match_by_path(records);
  if (!by_content.empty()) match_by_content(unsure);
  missing = static_cast<size_t>(std::count(rows.begin(), rows.end(), no_row));
}

/// Gives rows to the pictures whose path and stamp are on record; returns the others.
std::vector<size_t> FeatureStore::State::match_by_path(const std::vector<Record>& records) {
  std::unordered_map<uint64_t, const Record*> latest;
  for (const auto& one : records) latest[one.path] = &one;
  std::vector<size_t> unsure;
  for (size_t i = 0; i < pictures.size(); ++i) {
    stamps[i] = stamp_of(pictures[i]);
    const auto found = latest.find(path_hash(pictures[i]));
    if (found != latest.end() && stamps[i] != never_trusted && found->second->stamp == stamps[i])
      rows[i] = found->second->row;
    else
      unsure.push_back(i);
  }
  return unsure;
}

/// Hashes pictures and gives rows to those whose content is on record.
void FeatureStore::State::match_by_content(const std::vector<size_t>& unsure) {
  Progress progress("checking pictures", static_cast<int64_t>(unsure.size()));
  std::mutex mutex;
  int64_t done = 0;
  parallel_for(unsure.size(), available_processors(), [&](size_t i) {
    if (interrupted()) throw Interrupted("stopped while checking pictures");
    const size_t picture = unsure[i];
    std::optional<uint64_t> content;
    try {
      content = content_hash(pictures[picture]);
    } catch (const InputError&) {  // whoever encodes it will say so
    }
    const std::lock_guard guard(mutex);
    progress.update(++done);
    const auto found = content ? by_content.find(*content) : by_content.end();
    if (found == by_content.end()) return;
    rows[picture] = found->second;
    if (stamps[picture] != never_trusted) record(picture, *content);
  });
}

/// Notes that pictures[index] holds `content` and has the row it has.
void FeatureStore::State::record(size_t index, uint64_t content) {
  Record one{path_hash(pictures[index]), stamps[index], content, rows[index], row_hashes[rows[index]], 0};
  one.check = checksum(one, header);
  unwritten.push_back(one);
}

void FeatureStore::State::sync() {
  if (!unwritten.empty()) {
    if (::fdatasync(*rows_file) != 0) fail(rows_path, "can't be written");
    write_at(index_file, index_path, unwritten.data(), unwritten.size() * sizeof(Record), index_end);
    if (::fdatasync(index_file) != 0) fail(index_path, "can't be written");
    index_end += unwritten.size() * sizeof(Record);
    unwritten.clear();
    unsynced_bytes = 0;
  }
  if (missing == 0) ::flock(index_file, LOCK_UN);  // rows never change: from here on it only reads
}

FeatureStore FeatureStore::open(const std::filesystem::path& folder, const std::string& key,
                                std::vector<std::filesystem::path> pictures, size_t L, size_t D,
                                std::chrono::seconds patience) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  auto state = std::make_unique<State>(folder, key, std::move(pictures), L, D);
  lock_index(state->index_file, state->index_path, patience);
  state->find_rows(state->load());
  state->sync();
  return FeatureStore(std::move(state));
}

FeatureStore::FeatureStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
FeatureStore::FeatureStore(FeatureStore&&) noexcept = default;

FeatureStore::~FeatureStore() {
  try {
    if (state_) state_->sync();
  } catch (const Error&) {  // what isn't recorded will be made again
  }
}

std::vector<size_t> FeatureStore::missing() const {
  std::vector<size_t> indices;
  for (size_t i = 0; i < size(); ++i)
    if (state_->rows[i] == no_row) indices.push_back(i);
  return indices;
}

bool FeatureStore::complete() const { return state_->missing == 0; }

void FeatureStore::put(size_t index, std::span<const uint16_t> annotations, uint64_t hash) {
  State& state = *state_;
  if (annotations.size() != state.row_values)
    throw Error(state.rows_path.string() + ": a row takes " + std::to_string(state.row_values) + " values, not " +
                std::to_string(annotations.size()));
  if (state.rows.at(index) != no_row) return;
  const auto [found, is_new] = state.by_content.emplace(hash, state.row_count);
  if (is_new) {
    try {
      write_at(*state.rows_file, state.rows_path, annotations.data(), state.row_bytes(),
               rows_begin + state.row_count * state.row_bytes());
    } catch (...) {
      state.by_content.erase(found);
      throw;
    }
    ++state.row_count;
    state.row_hashes.push_back(XXH3_64bits(annotations.data(), state.row_bytes()));
    state.unsynced_bytes += state.row_bytes();
  }
  state.rows[index] = found->second;
  state.record(index, hash);
  --state.missing;
  if (state.unsynced_bytes >= sync_bytes) state.sync();
}

void FeatureStore::sync() { state_->sync(); }

void FeatureStore::leave_out(size_t index) {
  uint64_t& row = state_->rows.at(index);
  if (row != no_row) return;
  row = left_out;
  --state_->missing;
}

void FeatureStore::read(size_t index, std::span<uint16_t> to) const {
  const State& state = *state_;
  const uint64_t row = state.rows.at(index);
  const std::string picture = state.pictures[index].string(), rows = state.rows_path.string();
  if (row >= left_out) throw Error(picture + ": has no row in " + rows);
  const size_t size =
      read_at(*state.rows_file, state.rows_path, to.data(), to.size_bytes(), rows_begin + row * state.row_bytes());
  if (size != state.row_bytes() || XXH3_64bits(to.data(), size) != state.row_hashes[row])
    throw Error(rows + ": the row of " + picture + " is " + (size < state.row_bytes() ? "cut short" : "damaged") +
                "; delete the file and " + state.index_path.filename().string() + " beside it, to have it made anew");
}

size_t FeatureStore::size() const { return state_->pictures.size(); }
const std::filesystem::path& FeatureStore::rows_file() const { return state_->rows_path; }

}  // namespace attend
