#include "base/tar.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/printable.h"

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

/// An archive and what is wrong with it.
class Archive {
 public:
  explicit Archive(ByteSource& bytes) : bytes_(bytes) {}

  std::string read(uint64_t at, uint64_t count) const {
    std::string bytes = bytes_.read(at, count);
    if (bytes.size() < count) fail(at, "ends too early (cut short)");
    return bytes;
  }
  [[noreturn]] void fail(uint64_t at, const std::string& why) const {
    throw InputError(bytes_.path().string() + ": not a whole tar archive: byte " + std::to_string(at) + ": " + why);
  }

 private:
  ByteSource& bytes_;
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

/// `value` as octal digits that fill a field but for its last byte.
void put_octal(std::string& block, Field place, uint64_t value) {
  for (size_t i = place.size - 1; i-- > 0; value >>= 3) block[place.at + i] = static_cast<char>('0' + (value & 7));
}

}  // namespace

FileBytes::FileBytes(std::filesystem::path path) : path_(std::move(path)) {
  struct stat status;
  if (::stat(path_.c_str(), &status) != 0 || ::access(path_.c_str(), R_OK) != 0)
    throw InputError(path_.string() + ": " + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) throw InputError(path_.string() + ": not a regular file");
  size_ = static_cast<uint64_t>(status.st_size);
}

std::string FileBytes::read(uint64_t at, uint64_t count) {
  const auto fail = [&] { throw InputError(path_.string() + ": " + std::strerror(errno)); };
  const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) fail();
  std::string bytes(at < size_ ? std::min(count, size_ - at) : 0, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::pread(file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int fault = errno;
      ::close(file);
      errno = fault;
      fail();
    }
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  ::close(file);
  bytes.resize(done);
  return bytes;
}

ArchiveContents list_tar(ByteSource& source, const LookAtMember& look) {
  const Archive archive(source);
  ArchiveContents contents;
  std::optional<std::string> name;  // of the next member, where a header of its own says it
  std::optional<uint64_t> size;
  for (uint64_t at = 0;;) {
    const std::string block = source.read(at, kBlock);
    if (block.empty()) archive.fail(at, "ends without an end mark (cut short)");  // who knows what stood there
    if (block.size() < kBlock) archive.fail(at, "ends too early (cut short)");
    if (block.find_first_not_of('\0') == block.npos) break;
    const auto sum = number(block, kSum), stored = number(block, kSize);
    if (!sum || *sum != sum_of(block)) archive.fail(at, at == 0 ? "no tar header" : "a damaged header");
    const char type = block[kType.at];
    const uint64_t header = at, data = at + kBlock, bytes = size.value_or(stored.value_or(UINT64_MAX));
    constexpr uint64_t kMostBytes = uint64_t{1} << 62, kMostHeader = 1 << 20;
    const auto cut = [&] { archive.fail(header, "ends too early (cut short)"); };
    if (bytes > kMostBytes) cut();
    at = data + (bytes + kBlock - 1) / kBlock * kBlock;
    if (type == 'x' || type == 'L') {
      if (!source.reaches(data)) cut();
      if (bytes > kMostHeader) archive.fail(data, "a header of " + std::to_string(bytes) + " bytes");
      const std::string text = archive.read(data, bytes);
      if (type == 'x')
        read_pax(archive, data, text, name, size);
      else
        name = text.substr(0, text.find('\0'));
      continue;
    }
    const auto prefix =
        block.compare(kMagic.at, 5, "ustar") == 0 && block[kMagic.at + 5] == '\0' ? field(block, kPrefix) : "";
    const std::string whole =
        name ? *name : (prefix.empty() ? "" : std::string(prefix) + "/") + std::string(field(block, kName));
    const bool is_file = type == '0' || type == '\0' || type == '7';
    if (is_file && !whole.ends_with('/')) {
      const size_t before = contents.members.size();
      contents.add(whole, data, bytes);
      // Before what lies behind them is unpacked: each byte once.
      if (look && contents.members.size() > before)
        look(contents.members.back(), archive.read(data, std::min<uint64_t>(bytes, kLookBytes)));
    } else if (type == '1' || type == '2') {
      contents.passed_over["a link to another file"].push_back(whole);
    } else if (type == 'S') {
      contents.refused["a file with holes, as GNU tar packs it with --sparse"].push_back(whole);
    }
    if (!source.reaches(data + bytes)) cut();
    name.reset(), size.reset();
  }
  source.reaches(UINT64_MAX);  // what is packed has its checksum at the end
  contents.settle();
  return contents;
}

bool is_tar_name(const std::filesystem::path& file) {
  const std::string ending = file.extension().string();
  return ending == ".tar" || ending == ".tgz" || (ending == ".gz" && file.stem().extension() == ".tar");
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
