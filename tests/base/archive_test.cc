#include "base/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zip.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "base/error.h"
#include "base/files.h"
#include "base/gzip.h"
#include "base/parallel.h"
#include "base/tar.h"

namespace attend {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class ArchiveTest : public ::testing::Test {
 protected:
  ArchiveTest() {
    std::string name = (fs::temp_directory_path() / "attend-archive-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~ArchiveTest() override { fs::remove_all(folder_); }

  fs::path at(const std::string& name) const { return folder_ / name; }
  fs::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(at(name), std::ios::binary) << bytes;
    return at(name);
  }

  struct Entry {
    std::string name, bytes;
    int method = ZIP_CM_DEFAULT;
    const char* password = nullptr;
    bool link = false;
  };
  fs::path zip(const std::string& name, const std::vector<Entry>& entries) const {
    zip_t* made = zip_open(at(name).c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    for (const auto& entry : entries) {
      zip_source_t* source = zip_source_buffer(made, entry.bytes.data(), entry.bytes.size(), 0);
      const auto number = static_cast<zip_uint64_t>(zip_file_add(made, entry.name.c_str(), source, ZIP_FL_ENC_GUESS));
      zip_set_file_compression(made, number, entry.method, 0);
      if (entry.password) zip_file_set_encryption(made, number, ZIP_EM_TRAD_PKWARE, entry.password);
      if (entry.link) zip_file_set_external_attributes(made, number, 0, ZIP_OPSYS_UNIX, 0120777u << 16);
    }
    EXPECT_EQ(zip_close(made), 0);
    return at(name);
  }
  static std::string gzip(const std::string& bytes, int level = 6) {
    z_stream stream{};
    EXPECT_EQ(::deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string packed(::deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.resize(packed.size() - stream.avail_out);
    ::deflateEnd(&stream);
    return packed;
  }
  /// Bytes that a third of can be packed away.
  static std::string bytes(size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::string made(count, '\0');
    for (auto& byte : made) byte = static_cast<char>(random() % 40);
    return made;
  }
  static std::vector<std::string> names(const ArchiveContents& contents) {
    std::vector<std::string> list;
    for (const auto& member : contents.members) list.push_back(member.name);
    return list;
  }
  template <class Call>
  static std::string refusal(Call&& call) {
    try {
      call();
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }

  fs::path folder_;
};

TEST_F(ArchiveTest, EveryFormHasTheSameMembers) {
  const std::map<std::string, std::string> files{
      {"a.txt", "first"}, {"b/c.bin", bytes(300'000, 1)}, {"b/d", ""}, {"ä.jpg", bytes(5'000, 2)}};
  TarWriter writer(at("x.tar"));
  for (const auto& [name, content] : files) writer.add(name, content);
  writer.finish();
  write("x.tar.gz", gzip(read_file(at("x.tar"))));
  std::vector<Entry> entries;
  for (const auto& [name, content] : files)
    entries.push_back({name, content, entries.size() % 2 ? ZIP_CM_STORE : ZIP_CM_DEFLATE});
  zip("x.zip", entries);
  for (const auto* archive : {"x.tar", "x.tar.gz", "x.zip"}) {
    std::map<std::string, std::string> seen;
    const auto contents = list_archive(
        at(archive), [&](const ArchiveMember& member, std::string_view first) { seen[member.name] = first; });
    EXPECT_THAT(contents.refused, IsEmpty()) << archive;
    EXPECT_EQ(seen.size(), files.size()) << archive;
    for (const auto& member : contents.members) {
      const auto& content = files.at(member.name);
      EXPECT_EQ(member.size, content.size());
      EXPECT_EQ(seen[member.name], content.substr(0, kLookBytes)) << archive << " " << member.name;
      EXPECT_TRUE(read_file(at(archive) / member.name) == content) << archive << " " << member.name;
      EXPECT_EQ(read_regular_file(at(archive) / member.name, 3), content.substr(0, 3));
      EXPECT_EQ(member_stamp(at(archive) / member.name)->size, content.size());
    }
    EXPECT_EQ(archive_of(at(archive) / "b/c.bin"), at(archive));
    EXPECT_EQ(archive_of(at(archive)), std::nullopt);
    EXPECT_THAT(refusal([&] { read_file(at(archive) / "none"); }), HasSubstr("the archive has no such file"));
  }
}

TEST_F(ArchiveTest, APackedFileIsReadAtAnyPlaceByManyThreads) {
  // Long enough for several places to begin from; in parts, as parallel packers write them; one part is stored.
  const std::string whole = bytes(30'000'000, 3);
  GzipFile file(write("x.gz", gzip(whole.substr(0, 12'000'000), 1) + gzip(whole.substr(12'000'000, 3'000'000), 0) +
                                  gzip(whole.substr(15'000'000), 1)));
  EXPECT_TRUE(file.reaches(whole.size()));
  EXPECT_FALSE(file.reaches(whole.size() + 1));
  EXPECT_EQ(file.read(whole.size() - 2, 10), whole.substr(whole.size() - 2));
  EXPECT_EQ(file.read(whole.size() + 5, 10), "");
  parallel_for(60, 4, [&](size_t i) {
    std::mt19937 random(static_cast<unsigned>(i));
    const size_t at = random() % whole.size(), count = random() % 200'000;
    if (file.read(at, count) != whole.substr(at, count)) throw Error("differs at " + std::to_string(at));
  });
}

TEST_F(ArchiveTest, NamesThatLeadOutAreRefusedAndOddOnesKept) {
  const std::vector<std::string> odd{"../up", "a/../../up", "/absolute", "./plain", "a//b/./c", "new\nline\x1b[2J",
                                     "twice", "twice",      "c:\\dos"};
  TarWriter writer(at("x.tar"));
  for (size_t i = 0; i < odd.size(); ++i) writer.add(odd[i], std::to_string(i));
  writer.finish();
  const auto contents = list_archive(at("x.tar"), nullptr);
  EXPECT_THAT(names(contents), ElementsAre("plain", "a/b/c", "new\nline\x1b[2J", "twice", "c:\\dos"));
  EXPECT_THAT(contents.refused,
              ElementsAre(Pair("the name leads out of the archive", ElementsAre("../up", "a/../../up", "/absolute"))));
  EXPECT_THAT(contents.passed_over, ElementsAre(Pair("another of its name stands behind it", ElementsAre("twice"))));
  EXPECT_EQ(read_file(at("x.tar/twice")), "7");
  EXPECT_EQ(read_file(at("x.tar/a/b/c")), "4");
}

TEST_F(ArchiveTest, WhatCantBeUnpackedIsNamed) {
  const auto contents = list_archive(zip("x.zip", {{"plain", "text"},
                                                   {"secret", "text", ZIP_CM_DEFLATE, "word"},
                                                   {"link", "plain", ZIP_CM_STORE, nullptr, true},
                                                   {"folder/", ""}}),
                                     nullptr);
  EXPECT_THAT(names(contents), ElementsAre("plain"));
  EXPECT_THAT(contents.refused,
              ElementsAre(Pair("encrypted; unpack the archive with its password first", ElementsAre("secret"))));
  EXPECT_THAT(contents.passed_over, ElementsAre(Pair("a link to another file", ElementsAre("link"))));
}

TEST_F(ArchiveTest, CutAndDamagedArchivesAreRefused) {
  TarWriter writer(at("x.tar"));
  for (const char* name : {"a", "b", "c"}) writer.add(name, bytes(50'000, 4));
  writer.finish();
  const std::string packed = gzip(read_file(at("x.tar")));
  const auto listed = [&](const std::string& name, const std::string& content) {
    return refusal([&] { list_archive(write(name, content), nullptr); });
  };
  for (const double part : {0.01, 0.3, 0.9, 0.9999})
    EXPECT_THAT(listed("cut.tar.gz", packed.substr(0, static_cast<size_t>(packed.size() * part))),
                HasSubstr("cut short"))
        << part;
  std::string damaged = packed;
  damaged[packed.size() - 6] ^= 1;  // the checksum
  EXPECT_THAT(listed("sum.tar.gz", damaged), HasSubstr("sum.tar.gz: can't be unpacked (gzip)"));
  EXPECT_THAT(listed("text.gz", gzip("no archive" + std::string(600, '.'))), HasSubstr("no tar header"));
  const std::string zipped = read_file(zip("x.zip", {{"a", bytes(50'000, 4)}, {"b", bytes(50'000, 5)}}));
  for (const double part : {0.01, 0.3, 0.9, 0.9999})
    EXPECT_THAT(listed("cut.zip", zipped.substr(0, static_cast<size_t>(zipped.size() * part))),
                HasSubstr("not a whole zip archive"))
        << part;
  damaged = zipped;
  damaged[20'000] ^= 1;  // within the first member: the other is as it was
  write("damaged.zip", damaged);
  EXPECT_THAT(names(list_archive(at("damaged.zip"), nullptr)), ElementsAre("a", "b"));
  EXPECT_THAT(refusal([&] { read_file(at("damaged.zip/a")); }), HasSubstr("damaged.zip/a: is damaged in the archive"));
  EXPECT_TRUE(read_file(at("damaged.zip/b")) == bytes(50'000, 5));
}

/// Bombs: what a small archive unpacks to is bounded, whatever it says of itself.
TEST_F(ArchiveTest, WhatUnpacksToMuchMoreIsRefused) {
  const std::string zeros(80 << 20, '\0');
  zip("bomb.zip", {{"zeros", zeros, ZIP_CM_DEFLATE}});
  EXPECT_THAT(refusal([&] { read_file(at("bomb.zip/zeros")); }),
              HasSubstr("bomb.zip/zeros: unpacks to more than 100 times its size; refused"));
  EXPECT_EQ(read_regular_file(at("bomb.zip/zeros"), 10), std::string(10, '\0'));
  TarWriter writer(at("bomb.tar"));
  writer.add("zeros", zeros);
  writer.finish();
  write("bomb.tar.gz", gzip(read_file(at("bomb.tar")), 9));
  EXPECT_THAT(refusal([&] { list_archive(at("bomb.tar.gz"), nullptr); }),
              HasSubstr("unpacks to more than 100 times the file's size; refused"));

  // An archive that says less, or more, than there is.
  std::string lying = read_file(zip("lie.zip", {{"file", bytes(100'000, 6), ZIP_CM_DEFLATE}}));
  const auto says = [&](uint32_t size) {
    std::string changed = lying;
    const size_t entry = changed.find("PK\x01\x02");
    for (const size_t place : {size_t{22}, entry + 24})
      for (size_t i = 0; i < 4; ++i) changed[place + i] = static_cast<char>(size >> 8 * i);
    write("lie.zip", changed);
    return refusal([&] { read_file(at("lie.zip/file")); });
  };
  EXPECT_EQ(says(100'000), "");
  EXPECT_THAT(says(1'000), HasSubstr("lie.zip/file: is damaged in the archive"));
  EXPECT_THAT(says(2'000'000), HasSubstr("lie.zip/file: is damaged in the archive"));
  EXPECT_THAT(says(0xf0000000), HasSubstr("lie.zip/file: is larger than 1 GiB"));
}

TEST_F(ArchiveTest, AnArchiveThatChangesIsListedAnew) {
  for (const std::string text : {"first", "second, longer"}) {
    zip("x.zip", {{"file", text}});
    EXPECT_EQ(read_file(at("x.zip/file")), text);
  }
}

TEST_F(ArchiveTest, MoreArchivesThanAreKeptAreRead) {
  for (int i = 0; i < 40; ++i) zip(std::to_string(i) + ".zip", {{"file", std::to_string(i)}});
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 40; ++i) EXPECT_EQ(read_file(at(std::to_string(i) + ".zip/file")), std::to_string(i));
}

TEST_F(ArchiveTest, WhatOtherProgramsWriteIsRead) {
  write("one.txt", "first");
  write("two.txt", "second");
  const auto run = [&](const std::string& command) {
    return std::system(("cd " + folder_.string() + " && " + command + " > /dev/null 2>&1").c_str()) == 0;
  };
  size_t tried = 0;
  for (const auto& [archive, command] : std::map<std::string, std::string>{
           {"t.tar.gz", "tar -czf t.tar.gz one.txt two.txt"},
           {"z.zip", "zip z.zip one.txt two.txt"},
           {"p.zip",
            "python3 -c \"import zipfile; z = zipfile.ZipFile('p.zip', 'w', zipfile.ZIP_DEFLATED); "
            "z.write('one.txt'); z.write('two.txt'); z.close()\""},
           {"p.tgz",
            "python3 -c \"import tarfile; t = tarfile.open('p.tgz', 'w:gz'); t.add('one.txt'); "
            "t.add('two.txt'); t.close()\""}}) {
    if (!run(command)) continue;
    ++tried;
    EXPECT_THAT(names(list_archive(at(archive), nullptr)), UnorderedElementsAre("one.txt", "two.txt")) << archive;
    EXPECT_EQ(read_file(at(archive) / "two.txt"), "second") << archive;
  }
  if (tried == 0) GTEST_SKIP() << "neither tar nor zip nor Python";
}

}  // namespace
}  // namespace attend
