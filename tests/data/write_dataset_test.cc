#include "data/write_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <opencv2/imgcodecs.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/said.h"
#include "data/check_dataset.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::pair<OutForm, const char*> kWritten[] = {
    {OutForm::kCoco, "out.json"},       {OutForm::kKarpathy, "karpathy.json"},
    {OutForm::kJsonLines, "out.jsonl"}, {OutForm::kCsv, "out.csv"},
    {OutForm::kTsv, "out.tsv"},         {OutForm::kImageFolder, "folder"},
    {OutForm::kWebDataset, "out.tar"},  {OutForm::kWebDataset, "shards"},
    {OutForm::kFlickr8k, "flickr8k"},   {OutForm::kSidecars, "sidecars"}};

class WriteDatasetTest : public ::testing::Test {
 protected:
  WriteDatasetTest() {
    int number = 0;
    for (const char* name : {"1.png", "deep/2.png", "deep/3.with.dots.PNG", "1b.png"}) {
      std::vector<unsigned char> bytes;
      cv::imencode(".png", cv::Mat(4, 6, CV_8UC3, cv::Scalar(++number, 9, 9)), bytes);
      folder_.write(std::string("in/") + name, {bytes.begin(), bytes.end()});
    }
    folder_.write("in.jsonl",
                  "{\"file_name\": \"1.png\", \"captions\": [\"A dog, \\\"Rex\\\"\", \"Two;\\tdogs | run\"], "
                  "\"split\": \"train\"}\n"
                  "{\"file_name\": \"deep/2.png\", \"captions\": [\"Ein Hünd\"], \"split\": \"val\"}\n"
                  "{\"file_name\": \"deep/3.with.dots.PNG\", \"captions\": [\"A cat\", \"A kitten\", \"It sits\"], "
                  "\"split\": \"train\"}\n"
                  "{\"file_name\": \"1b.png\", \"captions\": [\"A bird\"], \"split\": \"test\"}\n");
  }

  WholeDataset read(const std::filesystem::path& path, const std::filesystem::path& images = {}) {
    return read_everything(path, images, 0);
  }

  /// Bytes of each picture with its split and captions, in order of these: what has to survive.
  static std::vector<std::string> content(const Dataset& dataset) {
    std::vector<std::string> list;
    for (const auto& example : dataset.examples) {
      std::string line = example.split + "\n" + read_file(example.picture) + "\n";
      for (const auto& caption : example.captions) line += caption + "\n";
      list.push_back(line);
    }
    std::sort(list.begin(), list.end());
    return list;
  }

  /// What is said where a data set can't be written in a form; "" where it is.
  std::string refusal(const std::string& data, const std::string& images, OutForm form) {
    const auto out = folder_ / "refused";
    std::filesystem::remove_all(out);
    std::string what;
    try {
      write_dataset(read(folder_ / data, folder_ / images).dataset, out, {.form = form, .images = folder_ / images});
    } catch (const InputError& error) {
      what = error.what();
    }
    EXPECT_EQ(std::filesystem::exists(out), what.empty()) << data;
    return what;
  }

  TemporaryFolder folder_;
};

TEST_F(WriteDatasetTest, EveryFormOfEveryFormIsTheSame) {
  const WholeDataset whole = read(folder_ / "in.jsonl", folder_ / "in");
  const auto expected = content(whole.dataset);
  ASSERT_EQ(expected.size(), 4u);
  for (const auto& [form, name] : kWritten) {
    SCOPED_TRACE(name);
    const auto out = folder_ / ("first/" + std::string(name));
    std::filesystem::create_directories(out.parent_path());
    write_dataset(whole.dataset, out, {.form = form, .images = whole.images, .shard_pictures = 1});
    const WholeDataset again = read(out, holds_pictures(form) ? std::filesystem::path() : whole.images);
    EXPECT_EQ(content(again.dataset), expected);
    for (const auto& [second, second_name] : kWritten) {  // and from there to every other
      SCOPED_TRACE(second_name);
      const auto there = folder_ / ("of " + std::string(name) + "/" + second_name);
      std::filesystem::create_directories(there.parent_path());
      write_dataset(again.dataset, there, {.form = second, .images = again.images, .shard_pictures = 2});
      EXPECT_EQ(content(read(there, holds_pictures(second) ? std::filesystem::path() : again.images).dataset),
                expected);
    }
  }
  EXPECT_TRUE(std::filesystem::exists(folder_ / "first/shards/train-000001.tar"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "first/folder/validation/deep/2.png"));
}

TEST_F(WriteDatasetTest, IdsAndOriginsStay) {
  folder_.write(
      "ids.json",
      R"({"images": [{"id": 42, "file_name": "1.png"}, {"id": "7", "file_name": "1b.png"}], "annotations": [)"
      R"({"image_id": 42, "caption": "A dog", "source": "human"}, {"image_id": 42, "caption": "Rex"}, {"image_id": 7, "caption": "A bird"}]})");
  const WholeDataset whole = read(folder_ / "ids.json", folder_ / "in");
  for (const auto& [form, name] : kWritten) {
    SCOPED_TRACE(name);
    Said said;
    write_dataset(whole.dataset, folder_ / name, {.form = form, .images = whole.images});
    const bool has_no_place = form == OutForm::kFlickr8k || form == OutForm::kSidecars;
    EXPECT_EQ(said.text.find(std::string(name) + ": has no ids and no sources of captions") != std::string::npos,
              has_no_place)
        << said.text;
    if (has_no_place) continue;
    const Dataset again = read(folder_ / name, holds_pictures(form) ? std::filesystem::path() : whole.images).dataset;
    ASSERT_EQ(again.examples.size(), 2u);
    EXPECT_EQ(again.examples[0].id.number, 42);
    EXPECT_EQ(again.examples[1].id.number, 7);
    if (form == OutForm::kWebDataset) continue;  // a sample's JSON has one source
    EXPECT_THAT(again.origins, ElementsAre("", "human"));
  }
}

TEST_F(WriteDatasetTest, OneCaptionAPictureIsATextToHuggingFace) {
  folder_.write("one.csv", "image,caption\n1.png,A dog\n1b.png,A bird\n");
  const WholeDataset whole = read(folder_ / "one.csv", folder_ / "in");
  write_dataset(whole.dataset, folder_ / "f", {.form = OutForm::kImageFolder, .images = whole.images});
  EXPECT_EQ(read_file(folder_ / "f/metadata.jsonl"),
            "{\"file_name\":\"1.png\",\"text\":\"A dog\"}\n{\"file_name\":\"1b.png\",\"text\":\"A bird\"}\n");
}

TEST_F(WriteDatasetTest, NothingIsReplacedOrHalfWritten) {
  WholeDataset whole = read(folder_ / "in.jsonl", folder_ / "in");
  folder_.write("there.csv", "mine");
  folder_.write("full/mine", "mine");
  EXPECT_THROW(write_dataset(whole.dataset, folder_ / "there.csv", {.form = OutForm::kCsv, .images = whole.images}),
               Error);
  EXPECT_THROW(write_dataset(whole.dataset, folder_ / "full",
                             {.form = OutForm::kImageFolder, .images = whole.images, .overwrite = true}),
               Error);
  EXPECT_EQ(read_file(folder_ / "there.csv"), "mine");
  std::filesystem::remove(folder_ / "in/1b.png");
  for (const auto& [form, name] : kWritten) {
    if (!holds_pictures(form)) continue;
    EXPECT_THROW(write_dataset(whole.dataset, folder_ / name, {.form = form, .images = whole.images}), InputError);
    EXPECT_FALSE(std::filesystem::exists(folder_ / name)) << name;
  }
  write_dataset(whole.dataset, folder_ / "there.csv",
                {.form = OutForm::kCsv, .images = whole.images, .overwrite = true});
  EXPECT_THAT(read_file(folder_ / "there.csv"), HasSubstr("image,caption,split\n1.png,\"A dog, \"\"Rex\"\"\",train\n"));
}

TEST_F(WriteDatasetTest, Flickr8kIsLaidOutAsPublished) {
  const WholeDataset whole = read(folder_ / "in.jsonl", folder_ / "in");
  write_dataset(whole.dataset, folder_ / "f", {.form = OutForm::kFlickr8k, .images = whole.images});
  EXPECT_EQ(read_file(folder_ / "f/Flickr8k.token.txt"),
            "1.png#0\tA dog, \"Rex\"\n1.png#1\tTwo; dogs | run\ndeep/2.png#0\tEin Hünd\n"
            "deep/3.with.dots.PNG#0\tA cat\ndeep/3.with.dots.PNG#1\tA kitten\ndeep/3.with.dots.PNG#2\tIt sits\n"
            "1b.png#0\tA bird\n");
  EXPECT_EQ(read_file(folder_ / "f/Flickr_8k.trainImages.txt"), "1.png\ndeep/3.with.dots.PNG\n");
  EXPECT_EQ(read_file(folder_ / "f/Flickr_8k.devImages.txt"), "deep/2.png\n");
  EXPECT_EQ(read_file(folder_ / "f/Flickr_8k.testImages.txt"), "1b.png\n");
  EXPECT_EQ(read_file(folder_ / "f/Flicker8k_Dataset/deep/2.png"), read_file(folder_ / "in/deep/2.png"));
  folder_.write("Images/1.png", "another picture of this name, in a folder beside it");
  EXPECT_EQ(read(folder_ / "f").images, folder_ / "f/Flicker8k_Dataset");
  folder_.write("unsaid.csv", "image,caption\n1.png,A dog\n");
  write_dataset(read(folder_ / "unsaid.csv", folder_ / "in").dataset, folder_ / "unsaid",
                {.form = OutForm::kFlickr8k, .images = folder_ / "in"});
  EXPECT_EQ(read(folder_ / "unsaid").dataset.examples.at(0).split, "");
}

TEST_F(WriteDatasetTest, SidecarsAreNeverAnothersToo) {
  const std::string bytes = read_file(folder_ / "in/1.png");
  std::string table = "image,caption\n";
  int number = 0;
  for (const char* name :
       {"a.png", "a.jpg", "b.png", "b.png.jpg", "captions.png", "train/c.png", "Flickr8k.token.png", "d"}) {
    folder_.write(std::string("odd/") + name, bytes + std::to_string(++number));
    table += std::string(name) + ",Caption " + std::to_string(number) + "\n";
  }
  folder_.write("odd.csv", table);
  const WholeDataset whole = read(folder_ / "odd.csv", folder_ / "odd");
  write_dataset(whole.dataset, folder_ / "s", {.form = OutForm::kSidecars, .images = whole.images});
  EXPECT_EQ(content(read(folder_ / "s").dataset), content(whole.dataset));
  EXPECT_EQ(read_file(folder_ / "s/a.png.txt"), "Caption 1\n");
  EXPECT_EQ(read_file(folder_ / "s/b.txt"), "Caption 3\n");
  EXPECT_EQ(read_file(folder_ / "s/captions.png.txt"), "Caption 5\n");
  EXPECT_EQ(read_file(folder_ / "s/pictures/train/c.txt"), "Caption 6\n");  // of no split, as before
  folder_.write("odd/b.jpg", bytes);
  folder_.write("three.csv", "image,caption\nb.jpg,A\nb.png,B\nb.png.jpg,C\n");
  EXPECT_THAT(refusal("three.csv", "odd", OutForm::kSidecars),
              AllOf(HasSubstr("odd/b.png: its captions would be another's, too"), HasSubstr("rename the picture")));
}

TEST_F(WriteDatasetTest, WhatAFormCannotHoldIsRefusedInALine) {
  folder_.write("splits.csv", "image,caption,split\n1.png,A,odd\n1b.png,B,odd\ndeep/2.png,C,\n");
  for (const auto form : {OutForm::kFlickr8k, OutForm::kSidecars})
    EXPECT_THAT(refusal("splits.csv", "in", form),
                AllOf(HasSubstr("knows the splits train, val and test, but there are 2 pictures of \"odd\""),
                      HasSubstr("imagefolder, jsonl and csv hold them")));
  EXPECT_THAT(refusal("splits.csv", "in", OutForm::kFlickr8k), HasSubstr("1 picture of none"));
  EXPECT_EQ(refusal("splits.csv", "in", OutForm::kImageFolder), "");
  folder_.write("out.csv", "image,caption,split\n1.png,A,../../up\n");
  for (const auto form : {OutForm::kImageFolder, OutForm::kWebDataset})
    EXPECT_THAT(refusal("out.csv", "in", form), HasSubstr("\"../../up\" can't be a folder's name"));
  folder_.write("in/tab\t.png", read_file(folder_ / "in/1.png"));
  folder_.write("tab.jsonl", R"({"file_name": "tab\t.png", "caption": "A"})");
  EXPECT_THAT(refusal("tab.jsonl", "in", OutForm::kFlickr8k), HasSubstr("a tab or a line break in a name"));
  folder_.write("none.json", R"({"images": [{"id": 1, "file_name": "1.png"}]})");
  EXPECT_THAT(refusal("none.json", "in", OutForm::kFlickr8k), HasSubstr("has no captions"));
}

TEST_F(WriteDatasetTest, WhatIsMadeUpOrRenamedIsSaid) {
  folder_.write("in/train/1.png", read_file(folder_ / "in/1b.png"));
  folder_.write("two.csv", "image,caption,split\n1.png,\"A\tdog,\nbrown\",train\ntrain/1.png,A bird,train\n");
  Said said;
  const WholeDataset whole = read(folder_ / "two.csv", folder_ / "in");
  EXPECT_THAT(said.text, HasSubstr("two.csv: 1 of 2 captions with tabs or line breaks in it, which count as blanks"));
  EXPECT_EQ(whole.dataset.examples[0].captions[0], "A dog, brown");
  for (const auto form : {OutForm::kImageFolder, OutForm::kFlickr8k, OutForm::kSidecars}) {
    said.text.clear();
    const std::string name = kOutForms[static_cast<size_t>(form)];
    write_dataset(whole.dataset, folder_ / name, {.form = form, .images = whole.images});
    EXPECT_THAT(said.text, HasSubstr("two.csv: 1 picture got a number behind the name")) << name;
    EXPECT_EQ(content(read(folder_ / name).dataset), content(whole.dataset)) << name;
  }
  said.text.clear();
  folder_.write("unsaid.csv", "image,caption\n1.png,A dog\n1b.png,A bird\n");
  write_dataset(read(folder_ / "unsaid.csv", folder_ / "in").dataset, folder_ / "k.json",
                {.form = OutForm::kKarpathy, .images = folder_ / "in"});
  EXPECT_THAT(said.text, HasSubstr("unsaid.csv: says no splits: all 2 pictures count as \"train\""));
  folder_.write("half.csv", "image,caption,split\n1.png,A dog,val\n1b.png,A bird,\n");
  write_dataset(read(folder_ / "half.csv", folder_ / "in").dataset, folder_ / "h.json",
                {.form = OutForm::kKarpathy, .images = folder_ / "in"});
  EXPECT_THAT(said.text, HasSubstr("half.csv: says no split of 1 picture, which counts as \"train\""));
}

TEST_F(WriteDatasetTest, OtherProgramsReadIt) {
  const WholeDataset whole = read(folder_ / "in.jsonl", folder_ / "in");
  for (const auto& [form, name] : kWritten)
    write_dataset(whole.dataset, folder_ / name, {.form = form, .images = whole.images});
  const auto run = [&](const std::string& code) {
    return std::system(
               ("cd " + folder_.path().string() + " && python3 -c \"" + code + "\" > /dev/null 2>&1").c_str()) == 0;
  };
  if (!run("import json, csv, tarfile")) GTEST_SKIP() << "no python3";
  EXPECT_TRUE(
      run("import csv; r = list(csv.DictReader(open('out.csv', encoding='utf-8'))); assert len(r) == 7 and "
          "r[0]['caption'] == 'A dog, \\\"Rex\\\"'"));
  EXPECT_TRUE(
      run("import json; d = json.load(open('out.json', encoding='utf-8')); assert len(d['images']) == 4 and "
          "len(d['annotations']) == 7"));
  EXPECT_TRUE(
      run("import json; d = json.load(open('karpathy.json', encoding='utf-8')); assert "
          "d['images'][0]['sentences'][0]['tokens'][:2] == ['a', 'dog']"));
  EXPECT_TRUE(run("import tarfile; assert len(tarfile.open('out.tar').getnames()) == 12"));
  if (run("import pandas")) {
    EXPECT_TRUE(
        run("import pandas; assert len(pandas.read_csv('out.csv')) == 7 and len(pandas.read_json('out.jsonl', "
            "lines=True)) == 4"));
  }
  if (run("import webdataset")) {
    EXPECT_TRUE(
        run("import webdataset; s = list(webdataset.WebDataset('out.tar', shardshuffle=False)); assert len(s) == 4 and "
            "s[0]['__key__'] == '1'"));
  }
  if (run("import datasets, PIL")) {
    EXPECT_TRUE(
        run("import datasets; d = datasets.load_dataset('imagefolder', data_dir='folder'); assert set(d) == {'train', "
            "'validation', 'test'}; "
            "assert d['validation'][0]['captions'] == ['Ein H\\u00fcnd']"));
  }
}

TEST_F(WriteDatasetTest, TheCheckNamesAllThatIsWrong) {
  const auto sound = check_dataset(folder_ / "in.jsonl", {.images = folder_ / "in", .min_word_count = 2});
  EXPECT_TRUE(sound.sound());
  EXPECT_EQ(sound.pictures, 4);
  EXPECT_EQ(sound.captions, 7);
  EXPECT_EQ(sound.splits.at("train"), 2);
  EXPECT_EQ(sound.least_captions, 1);
  EXPECT_EQ(sound.most_captions, 3);
  // a dog rex · two dogs run · ein hünd · a cat · a kitten · it sits · a bird: only "a" stands twice, and | is a word
  EXPECT_EQ(sound.words, 17);
  EXPECT_EQ(sound.words_once, 13);
  EXPECT_EQ(sound.vocabulary, 1);
  EXPECT_DOUBLE_EQ(sound.unknown_share, 13.0 / 17);

  folder_.write("in/copy.png", read_file(folder_ / "in/1.png"));
  folder_.write("in/broken.png", read_file(folder_ / "in/1.png").substr(0, 50));
  folder_.write("bad.jsonl",
                "{\"file_name\": \"1.png\", \"captions\": [\"A dog\", \"A dog\", \"...\"], \"split\": \"train\"}\n"
                "{\"file_name\": \"copy.png\", \"caption\": \"<start> A dog <end>\", \"split\": \"val\"}\n"
                "{\"file_name\": \"broken.png\", \"caption\": \"A cat\", \"split\": \"val\"}\n"
                "{\"file_name\": \"missing.png\", \"caption\": \"A cat\", \"split\": \"val\"}\n"
                "{\"file_name\": \"1.png\", \"caption\": \"Again\", \"split\": \"val\"}\n"
                "{\"caption\": \"of nothing\"}\n");
  auto report = check_dataset(folder_ / "bad.jsonl", {.images = folder_ / "in"});
  EXPECT_FALSE(report.sound());
  auto& problems = report.problems;
  EXPECT_THAT(problems["captions that a picture has twice"], ElementsAre((folder_ / "in/1.png").string() + ": A dog"));
  EXPECT_THAT(problems["without a word"], ElementsAre("line 1"));
  EXPECT_THAT(problems["captions with marks such as <start> and <end>"], ElementsAre("line 2"));
  EXPECT_THAT(problems["pictures that can't be read"], ElementsAre(HasSubstr("broken.png: not a whole PNG")));
  EXPECT_THAT(problems["files missing"], ElementsAre(HasSubstr("missing.png")));
  EXPECT_THAT(problems["pictures with the same bytes in two splits"], ElementsAre(HasSubstr("copy.png = ")));
  EXPECT_THAT(problems["in two splits"], ElementsAre("1.png"));
  EXPECT_THAT(problems["malformed"], ElementsAre("line 6: no name of a picture's file"));
  EXPECT_EQ(problems.size(), 8u);
}

}  // namespace
}  // namespace attend
