#include "base/tar.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/error.h"

namespace attend {
namespace {

constexpr size_t kBlock = 512;

/// Where a header's fields lie (POSIX.1-2017, pax, "ustar interchange format").
struct Field {
  size_t at, size;
};
constexpr Field kName{0, 100}, kSize{124, 12}, kSum{148, 8}, kType{156, 1}, kMagic{257, 6}, kPrefix{345, 155};

std::string_view field(std::string_view block, Field place) {
  const auto text = block.substr(place.at, place.size);
  return text.substr(0, std::min(text.find('\0'), text.size()));
}

std::optional<uint64_t> octal(std::string_view text) {
  uint64_t value = 0;
  bool any = false;
  for (const char c : text) {
    if (c == ' ' || c == '\0') {
      if (any) break;
      continue;
    }
    if (c < '0' || c > '7' || value >> 60) return std::nullopt;
    value = value * 8 + static_cast<uint64_t>(c - '0');
    any = true;
  }
  return value;
}

/// A number in octal digits, or GNU's binary form for large ones.
std::optional<uint64_t> number(std::string_view block, Field place) {
  const auto text = block.substr(place.at, place.size);
  if (!(text[0] & 0x80)) return octal(text);
  uint64_t value = 0;
  for (size_t i = text.size() - 8; i < text.size(); ++i) value = value << 8 | static_cast<unsigned char>(text[i]);
  return value;
}

/// The sum of a header's bytes, its own field taken for blanks.
uint64_t sum_of(std::string_view block) {
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlock; ++i)
    sum += i >= kSum.at && i < kSum.at + kSum.size ? uint64_t{' '} : static_cast<unsigned char>(block[i]);
  return sum;
}

/// An open archive that is read at any place.
class Archive {
 public:
  explicit Archive(const std::filesystem::path& path)
      : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    struct stat status;
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0)
      throw InputError(path.string() + ": " + std::strerror(errno));
    if (!S_ISREG(status.st_mode)) {
      ::close(descriptor_);
      throw InputError(path.string() + ": not a regular file");
    }
    size_ = static_cast<uint64_t>(status.st_size);
  }
  ~Archive() { ::close(descriptor_); }
  Archive(const Archive&) = delete;

  uint64_t size() const { return size_; }

  std::string read(uint64_t at, uint64_t count) const {
    if (at > size_ || count > size_ - at) fail(at, "ends too early (cut short)");
    std::string bytes(count, '\0');
    for (size_t done = 0; done < count;) {
      const ssize_t got = ::pread(descriptor_, bytes.data() + done, count - done, static_cast<off_t>(at + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail(at, std::strerror(errno));
      if (got == 0) fail(at, "ends too early (cut short)");
      done += static_cast<size_t>(got);
    }
    return bytes;
  }

  [[noreturn]] void fail(uint64_t at, const std::string& why) const {
    throw InputError(path_.string() + ": not a whole tar archive: byte " + std::to_string(at) + ": " + why);
  }

 private:
  std::filesystem::path path_;
  int descriptor_;
  uint64_t size_ = 0;
};

/// "LENGTH KEY=VALUE\n", one after another.
void read_pax(const Archive& archive, uint64_t at, std::string_view records, std::optional<std::string>& name,
              std::optional<uint64_t>& size) {
  while (!records.empty()) {
    const size_t blank = records.find(' ');
    size_t length = 0;
    for (size_t i = 0; i < std::min(blank, size_t{10}) && i < records.size(); ++i)
      length = length * 10 + static_cast<size_t>(records[i] - '0');
    if (blank == records.npos || length <= blank + 1 || length > records.size())
      archive.fail(at, "a damaged pax header");
    const auto record = records.substr(blank + 1, length - blank - 2);
    const size_t equals = record.find('=');
    const auto key = record.substr(0, equals),
               value = equals == record.npos ? std::string_view() : record.substr(equals + 1);
    if (key == "path") name = std::string(value);
    if (key == "size") {
      uint64_t bytes = 0;
      for (const char digit : value)
        if (digit < '0' || digit > '9' || bytes > UINT64_MAX / 16)
          archive.fail(at, "a damaged pax header");
        else
          bytes = bytes * 10 + static_cast<uint64_t>(digit - '0');
      size = bytes;
    }
    records.remove_prefix(length);
  }
}

/// The members of an archive by name. It isn't kept open: a data set may have more archives than a process may have
/// files.
using Index = std::unordered_map<std::string, TarMember>;

/// The index of an archive, made once as long as the file is the same.
std::shared_ptr<const Index> index_of(const std::filesystem::path& path, const struct stat& status) {
  struct Known {
    struct stat status;
    std::shared_ptr<const Index> index;
  };
  static std::mutex mutex;
  static std::map<std::string, Known> known;
  const std::lock_guard lock(mutex);
  auto& entry = known[path.string()];
  const auto& before = entry.status;
  if (entry.index && before.st_ino == status.st_ino && before.st_size == status.st_size &&
      before.st_mtim.tv_sec == status.st_mtim.tv_sec && before.st_mtim.tv_nsec == status.st_mtim.tv_nsec)
    return entry.index;
  auto index = std::make_shared<Index>();
  for (auto& member : list_tar(path)) index->emplace(member.name, member);
  entry = {status, index};
  return index;
}

/// `value` as octal digits that fill a field but for its last byte.
void put_octal(std::string& block, Field place, uint64_t value) {
  for (size_t i = place.size - 1; i-- > 0; value >>= 3) block[place.at + i] = static_cast<char>('0' + (value & 7));
}

}  // namespace

std::vector<TarMember> list_tar(const std::filesystem::path& path) {
  const Archive archive(path);
  if (archive.size() >= 2 && archive.read(0, 2) == "\x1f\x8b")
    throw InputError(path.string() + ": is compressed (gzip); unpack it to a plain .tar first");
  std::vector<TarMember> members;
  std::optional<std::string> name;  // of the next member, where a header of its own says it
  std::optional<uint64_t> size;
  for (uint64_t at = 0;;) {
    if (at >= archive.size()) archive.fail(at, "ends without an end mark (cut short)");  // who knows what stood there
    const std::string block = archive.read(at, kBlock);
    if (block.find_first_not_of('\0') == block.npos) break;
    const auto sum = number(block, kSum), stored = number(block, kSize);
    if (!sum || *sum != sum_of(block)) archive.fail(at, at == 0 ? "no tar header" : "a damaged header");
    const char type = block[kType.at];
    const uint64_t bytes = size.value_or(stored.value_or(UINT64_MAX));
    if (bytes > archive.size() || at + kBlock + bytes > archive.size()) archive.fail(at, "ends too early (cut short)");
    const uint64_t data = at + kBlock;
    at = data + (bytes + kBlock - 1) / kBlock * kBlock;
    constexpr uint64_t kMostHeader = 1 << 20;
    if (type == 'x' || type == 'L') {
      if (bytes > kMostHeader) archive.fail(data, "a header of " + std::to_string(bytes) + " bytes");
      const std::string text = archive.read(data, bytes);
      if (type == 'x')
        read_pax(archive, data, text, name, size);
      else
        name = text.substr(0, text.find('\0'));
      continue;
    }
    if (type == '0' || type == '\0' || type == '7') {
      const auto prefix =
          block.compare(kMagic.at, 5, "ustar") == 0 && block[kMagic.at + 5] == '\0' ? field(block, kPrefix) : "";
      std::string whole =
          name ? *name : (prefix.empty() ? "" : std::string(prefix) + "/") + std::string(field(block, kName));
      if (whole.starts_with("./")) whole.erase(0, 2);
      members.push_back({std::move(whole), data, bytes});
    }
    name.reset(), size.reset();
  }
  // Of members with one name the last one counts, as tar itself has it when it unpacks.
  std::unordered_map<std::string, size_t> last;
  for (size_t i = 0; i < members.size(); ++i) last[members[i].name] = i;
  size_t i = 0;
  std::erase_if(members, [&](const TarMember& member) { return last[member.name] != i++; });
  return members;
}

std::optional<std::string> read_tar_member(const std::filesystem::path& path, size_t most) {
  struct stat status;
  std::filesystem::path archive = path, inside;
  do {
    inside = inside.empty() ? archive.filename() : archive.filename() / inside;
    if (archive == archive.parent_path()) return std::nullopt;
    archive = archive.parent_path();
    if (archive.empty()) return std::nullopt;
  } while (::stat(archive.c_str(), &status) != 0);
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  const auto index = index_of(archive, status);
  const auto found = index->find(inside.string());
  if (found == index->end()) throw InputError(path.string() + ": the archive has no such file");
  return Archive(archive).read(found->second.offset, std::min<uint64_t>(found->second.size, most));
}

void TarWriter::put(const std::string& name, char type, std::string_view bytes) {
  std::string block(kBlock, '\0');
  block.replace(kName.at, std::min(name.size(), kName.size), name, 0, kName.size);
  put_octal(block, {100, 8}, 0644);
  put_octal(block, {108, 8}, 0);
  put_octal(block, {116, 8}, 0);
  put_octal(block, kSize, bytes.size());
  put_octal(block, {136, 12}, 0);
  block[kType.at] = type;
  block.replace(kMagic.at, 8, std::string_view("ustar\00000", 8));
  put_octal(block, {kSum.at, 7}, sum_of(block));
  block[kSum.at + 7] = ' ';
  file_.write(block);
  file_.write(bytes);
  file_.write(std::string((kBlock - bytes.size() % kBlock) % kBlock, '\0'));
}

void TarWriter::add(const std::string& name, std::string_view bytes) {
  constexpr uint64_t kMostOctal = uint64_t{1} << 33;
  if (name.size() > kName.size || bytes.size() >= kMostOctal) {
    std::string records;
    for (const auto& [key, value] : {std::pair{std::string("path"), name}, {"size", std::to_string(bytes.size())}}) {
      const std::string record = " " + key + "=" + value + "\n";
      size_t length = record.size() + 1;
      while (std::to_string(length).size() + record.size() != length) ++length;
      records += std::to_string(length) + record;
    }
    put("pax/" + name.substr(0, 80), 'x', records);
  }
  put(name, '0', bytes);
}

void TarWriter::finish() {
  file_.write(std::string(2 * kBlock, '\0'));
  file_.commit();
}

}  // namespace attend
