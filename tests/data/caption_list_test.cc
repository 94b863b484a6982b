#include "data/caption_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/json.h"
#include "base/tar.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class CaptionListTest : public ::testing::Test {
 protected:
  /// What is read, and what is said of the rest.
  struct Read : CaptionList {
    std::vector<std::string> refusals;
  };
  static Read read_at(const std::filesystem::path& file, const std::filesystem::path& images) {
    Read read;
    static_cast<CaptionList&>(read) =
        read_caption_list(file, images, [&](const std::string& refusal) { read.refusals.push_back(refusal); });
    EXPECT_EQ(read.refused, read.refusals.size());
    return read;
  }
  Read read(const std::string& name, const std::string& text) const {
    return read_at(folder_.write(name, text), "photos");
  }
  std::string refusal_of(const std::string& name, const std::string& text) const {
    try {
      read(name, text);
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  }
  TemporaryFolder folder_;
};

TEST_F(CaptionListTest, ReadsObjectsALine) {
  const auto list = read("a.jsonl",
                         "{\"file\": \"a.jpg\", \"caption\": \" A dog.\"}\n\n"
                         "{\"file\": \"a.jpg\", \"text\": \"It\\nruns\"}\r\n"
                         "{\"image\": \"b/c.png\", \"captions\": [\"<start> one <end>\", \"two\"], \"more\": [1]}\n"
                         "{\"filename\": \"a.jpg\", \"caption\": \"again\"}");
  EXPECT_THAT(list.refusals, SizeIs(0));
  EXPECT_EQ(list.captions, 5u);
  ASSERT_THAT(list.pictures, SizeIs(3));
  EXPECT_EQ(list.pictures[0].picture, "photos/a.jpg");
  EXPECT_THAT(list.pictures[0].captions, ElementsAre("A dog.", "It runs"));
  EXPECT_EQ(list.pictures[1].picture, "photos/b/c.png");
  EXPECT_THAT(list.pictures[1].captions, ElementsAre("one", "two"));
  EXPECT_EQ(list.pictures[2].picture, "photos/a.jpg");
}

TEST_F(CaptionListTest, NamesEveryEntryThatCannotBeUsedAndReadsTheRest) {
  const auto list = read("a.jsonl",
                         "{\"file\": \"a.jpg\", \"caption\": \"...\"}\n"
                         "{\"file\": \"a.jpg\", \"caption\": \"\"}\n"
                         "{\"file\": \"a.jpg\", \"caption\": \"a\\u0000dog\"}\n"
                         "{\"file\": \"a.jpg\"}\n"
                         "{\"caption\": \"a dog\"}\n"
                         "{\"file\": \"a.jpg\", \"caption\": 5}\n"
                         "{\"file\": \"a.jpg\", \"captions\": []}\n"
                         "[1]\n"
                         "{\"file\": \"a.jpg\", \"cap\n"
                         "{\"file\": \"a.jpg\", \"caption\": \"a good one\"}\n"s);
  ASSERT_THAT(list.pictures, SizeIs(1));
  EXPECT_THAT(list.pictures[0].captions, ElementsAre("a good one"));
  const std::vector<std::string> expected{"without a word: \"...\"", "empty caption", "NUL byte",    "no \"caption\"",
                                          "no picture's name",       "no text",       "no captions", "no object",
                                          "not valid JSON"};
  ASSERT_THAT(list.refusals, SizeIs(expected.size()));
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_THAT(list.refusals[i], HasSubstr(expected[i]));
    EXPECT_THAT(list.refusals[i], HasSubstr("a.jsonl:" + std::to_string(i + 1) + ": "));
  }
}

TEST_F(CaptionListTest, ReadsTables) {
  for (const char* end : {"\n", "\r\n"}) {
    const std::string text =
        "\xef\xbb\xbf"
        "id,Caption,FILE"s +
        end + "1,\"a \"\"dog\"\", running\",a.jpg" + end + end + "2,\"two\nlines\",\"b,c.jpg\"" + end + "3,short" +
        end + "4,the last,a.jpg";
    const auto list = read("a.csv", text);
    ASSERT_THAT(list.pictures, SizeIs(3));
    EXPECT_THAT(list.pictures[0].captions, ElementsAre("a \"dog\", running"));
    EXPECT_THAT(list.pictures[1].captions, ElementsAre("two lines"));
    EXPECT_EQ(list.pictures[1].picture, "photos/b,c.jpg");
    EXPECT_THAT(list.pictures[2].captions, ElementsAre("the last"));
    EXPECT_THAT(list.refusals, ElementsAre(HasSubstr("a.csv:6: 2 cells, but 3 columns")));
  }
  EXPECT_EQ(read("a.tsv", "file\tcaption\na.jpg\ta, b").pictures[0].captions[0], "a, b");
  // As spreadsheets write them where the comma is a decimal's, and under a name that says something else.
  EXPECT_EQ(read("a.csv", "file;caption\r\na.jpg;\"a; b\"\r\n").pictures[0].captions[0], "a; b");
  EXPECT_EQ(read("a.csv", "file\tcaption\na.jpg\ta, b").pictures[0].captions[0], "a, b");
}

TEST_F(CaptionListTest, ReadsWhatCaptionPrints) {
  const auto list = read("a.txt", "a b.jpg\ta dog\tand a cat\r\nnothing\n\nb.jpg\t\n");
  ASSERT_THAT(list.pictures, SizeIs(1));
  EXPECT_EQ(list.pictures[0].picture, "photos/a b.jpg");
  EXPECT_THAT(list.pictures[0].captions, ElementsAre("a dog and a cat"));
  EXPECT_THAT(list.refusals, ElementsAre(HasSubstr("a.txt:2: no tab"), HasSubstr("a.txt:4: b.jpg: an empty caption")));
}

TEST_F(CaptionListTest, RefusesFilesThatHoldNoSuchThing) {
  EXPECT_THAT(refusal_of("a.csv", "name,words\na.jpg,a dog\n"),
              HasSubstr("a.csv:1: its first row must name its columns"));
  EXPECT_THAT(refusal_of("a.csv", "file,caption\na.jpg,\"a dog\n"), HasSubstr("a.csv:2: a quote that is never closed"));
  EXPECT_THAT(refusal_of("a.csv", "file,caption\na.jpg,\"a\" dog\n"),
              HasSubstr("a.csv:2: text behind a closing quote"));
  EXPECT_THAT(refusal_of("a.csv", ""), HasSubstr("no captions in it"));
  EXPECT_THAT(refusal_of("a.jsonl", "\n\n"), HasSubstr("no captions in it"));
  EXPECT_THAT(refusal_of("a.xml", "<x/>"), HasSubstr("its ending says which"));
  EXPECT_THAT(refusal_of("a.jsonl", "\xff\xfe{"), HasSubstr("UTF-16"));
}

TEST_F(CaptionListTest, ReadsCaptionsBesideTheirPictures) {
  folder_.write("a.txt", "a dog\n\na cat\n");
  folder_.write("b.txt", "\n");
  folder_.write("c.txt", "not of the picture");
  folder_.write("c.png.txt", "of the picture\n?\n");
  std::vector<std::string> refusals;
  const auto list = read_sidecars({folder_ / "a.jpg", folder_ / "b.jpg", folder_ / "c.png", folder_ / "d.jpg"},
                                  [&](const std::string& refusal) { refusals.push_back(refusal); });
  EXPECT_EQ(list.refused, refusals.size());
  ASSERT_THAT(list.pictures, SizeIs(2));
  EXPECT_THAT(list.pictures[0].captions, ElementsAre("a dog", "a cat"));
  EXPECT_THAT(list.pictures[1].captions, ElementsAre("of the picture"));
  EXPECT_THAT(refusals, ElementsAre(HasSubstr("b.jpg: no captions in"), HasSubstr("c.png.txt:2"),
                                    HasSubstr("d.jpg: no captions beside it")));
  EXPECT_EQ(list.captions, 6u);
}

TEST_F(CaptionListTest, ReadsLargeFilesPartByPart) {
  // Rows with quotes, lines and separators in them, longer than what is read at once and shorter; the parts end anywhere in them.
  for (const size_t pad : {size_t{0}, size_t{1}, size_t{300'000}}) {
    std::string table = "file,caption\r\n" + std::string(pad, '\n'), lines, tabs;
    std::vector<std::string> expected;
    for (size_t i = 0; i < 12'000; ++i) {
      const std::string name = std::to_string(i) + ".jpg";
      expected.push_back("dog \"" + std::to_string(i * i) + "\", a cat" + (i == 77 ? std::string(700'000, 'x') : ""));
      std::string quoted = expected.back();
      for (size_t at = 0; (at = quoted.find('"', at)) != quoted.npos; at += 2) quoted.insert(at, "\"");
      table += name + ",\"" + quoted + (i % 3 ? "\"\r\n" : "\"\n");
      lines += Json({{"file", name}, {"caption", expected.back()}}).dump() + "\n";
      tabs += name + "\t" + expected.back() + "\n";
    }
    for (const auto& list : {read("a.csv", table), read("a.jsonl", lines), read("a.txt", tabs)}) {
      ASSERT_EQ(list.pictures.size(), expected.size());
      EXPECT_EQ(list.captions, expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        const auto one = list.pictures[i];
        ASSERT_TRUE(one.picture == "photos/" + std::to_string(i) + ".jpg" &&
                    one.captions == std::vector<std::string>{expected[i]})
            << i;
      }
    }
    EXPECT_THAT(refusal_of("a.csv", table + "a.jpg,\"a\"b\n" + table),
                HasSubstr("a.csv:" + std::to_string(2 + pad + expected.size()) + ": text behind"));
    EXPECT_THAT(refusal_of("a.csv", table + "a.jpg,\"a\n"),
                HasSubstr("a.csv:" + std::to_string(2 + pad + expected.size()) + ": a quote"));
  }
}

TEST_F(CaptionListTest, ReadsEveryFormOfDataSet) {
  for (const char* name : {"photos/a.jpg", "photos/b.jpg", "folder/a.jpg", "folder/b.jpg"}) folder_.write(name, "x");
  folder_.write("folder/a.txt", "a dog\na cat\n");
  folder_.write("folder/b.txt", "grass\n");
  const auto tokens = folder_.write("tokens.txt", "a.jpg#0\ta dog\na.jpg#1\ta cat\nb.jpg#0\tgrass\n");
  for (const auto& list : {read_at(tokens, folder_ / "photos"), read_at(folder_ / "folder", {})}) {
    EXPECT_THAT(list.refusals, SizeIs(0));
    ASSERT_EQ(list.pictures.size(), 2u);
    EXPECT_EQ(list.pictures[0].picture.filename(), "a.jpg");
    EXPECT_THAT(list.pictures[0].captions, ElementsAre("a dog", "a cat"));
    EXPECT_THAT(list.pictures[1].captions, ElementsAre("grass"));
    EXPECT_EQ(list.captions, 3u);
  }
}

TEST_F(CaptionListTest, ReadsWebDatasetsSampleBySample) {
  const std::string picture = "P6\n1 1\n255\nabc";
  std::filesystem::create_directory(folder_ / "web");
  TarWriter tar(folder_ / "web/a.tar");
  const std::vector<std::pair<std::string, std::string>> members{{"b.ppm", picture},
                                                                 {"a.ppm", picture},
                                                                 {"a.txt", "a dog\na cat\n"},
                                                                 {"b.json", R"({"caption": "grass"})"},
                                                                 {"c.txt", "alone"},
                                                                 {"d.ppm", picture},
                                                                 {"e.json", R"({"caption": 5})"},
                                                                 {"e.ppm", picture},
                                                                 {"f.ppm", picture},
                                                                 {"f.txt", "...\nit is\n"},
                                                                 {"notes", "of something else"}};
  for (const auto& [name, bytes] : members) tar.add(name, bytes);
  tar.finish();
  for (const auto& source : {folder_ / "web", folder_ / "web/a.tar"}) {
    const auto list = read_at(source, {});
    ASSERT_EQ(list.pictures.size(), 3u);
    EXPECT_EQ(list.pictures[0].picture, folder_ / "web/a.tar/b.ppm");
    EXPECT_THAT(list.pictures[0].captions, ElementsAre("grass"));
    EXPECT_THAT(list.pictures[1].captions, ElementsAre("a dog", "a cat"));
    EXPECT_THAT(list.pictures[2].captions, ElementsAre("it is"));
    EXPECT_THAT(list.refusals,
                ElementsAre(HasSubstr("a.tar/c: captions without a picture"), HasSubstr("d.ppm: no captions"),
                            HasSubstr("a.tar/e: caption is neither"), HasSubstr("f.ppm: a caption without a word")));
    EXPECT_EQ(list.captions, 8u);
  }
}

TEST_F(CaptionListTest, ReadsCocoCaptions) {
  folder_.write("photos/a.jpg", "x");
  folder_.write("photos/b.jpg", "x");
  const auto file =
      folder_.write("coco.json", R"({"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
      "annotations": [{"image_id": 1, "caption": "a dog"}, {"image_id": 2, "caption": "a cat"}, {"image_id": 1, "caption": "it"}]})");
  const auto list = read_at(file, folder_ / "photos");
  ASSERT_THAT(list.pictures, SizeIs(2));
  EXPECT_EQ(list.pictures[0].picture, folder_ / "photos/a.jpg");
  EXPECT_THAT(list.pictures[0].captions, ElementsAre("a dog", "it"));
  EXPECT_EQ(list.captions, 3u);
}

TEST_F(CaptionListTest, NamesWhatIsWrongInCocoCaptions) {
  folder_.write("photos/a.jpg", "x");
  folder_.write("photos/b.jpg", "x");
  const auto file =
      folder_.write("coco.json", R"({"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"},
      {"id": 3, "file_name": "c.jpg"}], "annotations": [{"image_id": 1, "caption": "a dog"}, {"image_id": 1, "caption": "..."},
      {"image_id": 7, "caption": "it"}]})");
  const auto list = read_at(file, folder_ / "photos");
  ASSERT_THAT(list.pictures, SizeIs(1));
  EXPECT_THAT(list.pictures[0].captions, ElementsAre("a dog"));
  ASSERT_THAT(list.refusals, SizeIs(4));  // no word, no picture 7, no file c.jpg, nothing of b.jpg
  for (const auto& refusal : list.refusals) EXPECT_THAT(refusal, HasSubstr("coco.json: "));
  EXPECT_EQ(list.captions, 5u);
}

TEST(CaptionFault, SaysWhyACaptionIsNone) {
  const auto fault = [](std::string caption) { return caption_fault(caption); };
  EXPECT_EQ(fault("a dog"), "");
  EXPECT_EQ(fault("\xe4\xb8\x80\xe5\x8f\xaa\xe7\x8b\x97"), "");
  EXPECT_THAT(fault("caf\xe9"), HasSubstr("UTF-8"));
  EXPECT_THAT(fault("a\0b"s), HasSubstr("NUL"));
  EXPECT_THAT(fault("<start> <end>"), HasSubstr("empty"));
  EXPECT_THAT(fault("?!"), HasSubstr("without a word"));
}

TEST(TableCells, AreReadBackAsTheyWereWritten) {
  for (const std::string text :
       {"a", "", "'", "''", "'a", "=a", "'=a", "''=a", "'-", "a'=b", "\ta", "'\r\n", "\"a\"", "a,b", "=\""}) {
    const std::string row = csv_row({csv_field(text), csv_field("x")});
    TableReader table(row, ',');
    const auto cells = table.next();
    ASSERT_TRUE(cells && cells->size() == 2) << text;
    EXPECT_EQ(csv_text(cells->front()), text);
    EXPECT_FALSE(table.next()) << text;
  }
}

}  // namespace
}  // namespace attend
