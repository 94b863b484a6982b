#include "data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/said.h"
#include "data/temporary_folder.h"

namespace attend {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

/// A captions file of 100 sound pictures (p0.jpg …) with a caption each, ready to be spoilt, with its images folder.
class DatasetTest : public ::testing::Test {
 protected:
  DatasetTest() {
    for (int i = 0; i < 100; ++i) {
      const std::string name = "p" + std::to_string(i) + ".jpg";
      folder_.write("images/" + name, "x");
      coco_["images"].push_back({{"id", i}, {"file_name", name}});
      coco_["annotations"].push_back({{"id", i}, {"image_id", i}, {"caption", "Picture " + std::to_string(i)}});
    }
  }

  Dataset read(const Json& json, double max_faulty = 0.02, const std::string& whole_split = "train") {
    folder_.write("captions.json", json.dump());
    Said said;
    Dataset dataset = read_captions(folder_ / "captions.json", folder_ / "images", whole_split, max_faulty);
    warning_.clear(), notes_.clear();
    std::istringstream lines(said.text);
    for (std::string line; std::getline(lines, line);)
      (line.starts_with("warning: ") ? warning_ : notes_) += line + "\n";
    return dataset;
  }

  std::string error(const Json& json, double max_faulty) {
    try {
      read(json, max_faulty);
    } catch (const InputError& fault) {
      return fault.what();
    }
    return "no error";
  }

  /// A fault that costs `pictures` of the pictures and leaves the rest: warned of once under `kind` with `name`, and an
  /// error when nothing may be faulty.
  void expect_left_out(const std::string& kind, const std::string& name, size_t pictures) {
    EXPECT_EQ(read(coco_).examples.size(), coco_["images"].size() - pictures);
    EXPECT_THAT(warning_, AllOf(HasSubstr(kind + ": 1 ("), HasSubstr(name)));
    EXPECT_EQ(std::count(warning_.begin(), warning_.end(), '\n'), 1);
    EXPECT_THAT(error(coco_, 0), AllOf(StartsWith((folder_ / "captions.json").string() + ": 1 fault in 10"),
                                       HasSubstr("--max-faulty"), HasSubstr(kind), HasSubstr(name)));
  }

  TemporaryFolder folder_;
  Json coco_;
  std::string warning_, notes_;
};

TEST_F(DatasetTest, ReadsCocoInTheOrderOfTheFile) {
  coco_["annotations"].push_back({{"image_id", 3}, {"caption", "  Another \n of picture 3 "}});
  const Dataset dataset = read(coco_);
  ASSERT_EQ(dataset.examples.size(), 100u);
  EXPECT_EQ(dataset.examples[3].id.number, 3);
  EXPECT_EQ(dataset.examples[3].picture, folder_ / "images/p3.jpg");
  EXPECT_EQ(dataset.examples[3].split, "train");
  EXPECT_THAT(dataset.examples[3].captions, ElementsAre("Picture 3", "Another   of picture 3"));
  EXPECT_EQ(dataset.split("train").size(), 100u);
  EXPECT_THAT(warning_, IsEmpty());
  const std::string file = (folder_ / "captions.json").string();
  EXPECT_EQ(notes_, file + ": 1 of 101 captions with tabs or line breaks in it, which count as blanks\n" + file +
                        ": says no splits: all 100 pictures count as \"train\"\n");
}

TEST_F(DatasetTest, ReadsAnnotationsThatStandBeforeTheImages) {
  const Json turned = {{"annotations", coco_["annotations"]}, {"images", coco_["images"]}};
  EXPECT_THAT(read(turned).examples[99].captions, ElementsAre("Picture 99"));
}

TEST_F(DatasetTest, ReadsPicturesWithoutAnyCaptions) {
  coco_.erase("annotations");
  const Dataset dataset = read(coco_, 0);
  ASSERT_EQ(dataset.examples.size(), 100u);
  EXPECT_THAT(dataset.examples[0].captions, IsEmpty());
}

TEST_F(DatasetTest, ReadsKarpathyWithRestvalAsTrain) {
  folder_.write("images/val2014/a.jpg", "x");
  const auto sentences = [](const char* text) { return Json::array({{{"raw", text}, {"tokens", Json::array()}}}); };
  const Json karpathy = {
      {"dataset", "stand-in"},
      {"images",
       {{{"filepath", "val2014"},
         {"filename", "a.jpg"},
         {"imgid", 0},
         {"cocoid", 391895},
         {"split", "restval"},
         {"sentences", sentences("A man.")}},
        {{"filename", "p1.jpg"}, {"imgid", 1}, {"split", "val"}, {"sentences", sentences("Two dogs .")}},
        {{"filename", "p2.jpg"}, {"imgid", 2}, {"split", "test"}, {"sentences", sentences("Three")}}}}};
  const Dataset dataset = read(karpathy, 0);
  ASSERT_EQ(dataset.examples.size(), 3u);
  EXPECT_EQ(dataset.examples[0].id.number, 391895);
  EXPECT_EQ(dataset.examples[0].picture, folder_ / "images/val2014/a.jpg");
  EXPECT_THAT(dataset.examples[0].captions, ElementsAre("A man."));
  EXPECT_THAT(dataset.split("train"), ElementsAre(0));
  EXPECT_THAT(dataset.split("val"), ElementsAre(1));
  EXPECT_THAT(dataset.split("test"), ElementsAre(2));
}

TEST_F(DatasetTest, TakesSplitsFromAKeyAPicture) {
  for (int i = 0; i < 100; ++i) coco_["images"][i]["split"] = i < 90 ? "train" : "val";
  const Dataset dataset = read(coco_, 0);
  EXPECT_EQ(dataset.split("train").size(), 90u);
  EXPECT_EQ(dataset.split("val").size(), 10u);
}

TEST_F(DatasetTest, TakesSplitsFromListsOfIdsOrNames) {
  for (int i = 0; i < 90; ++i) coco_["splits"]["train"].push_back(i);
  for (int i = 90; i < 100; ++i) coco_["splits"]["val"].push_back("p" + std::to_string(i) + ".jpg");
  const Dataset dataset = read(coco_, 0);
  EXPECT_EQ(dataset.split("train").size(), 90u);
  EXPECT_EQ(dataset.split("val").front(), 90u);
}

TEST_F(DatasetTest, CountsFaultsOfSplitLists) {
  for (int i = 0; i < 99; ++i) coco_["splits"]["train"].push_back(i);
  coco_["splits"]["val"] = {4, 1000, "p99.jpg"};
  EXPECT_EQ(read(coco_).examples.size(), 100u);
  EXPECT_THAT(warning_, AllOf(HasSubstr("in two splits: 1 (p4.jpg)"),
                              HasSubstr("unknown in a split list: 1 (splits.val: 1000)")));
}

TEST_F(DatasetTest, KeepsASplitOfAnotherNameWhenItIsAskedFor) {
  for (auto& image : coco_["images"]) image["split"] = "minival";
  EXPECT_EQ(read(coco_, 0, "minival").split("minival").size(), 100u);
  EXPECT_THAT(error(coco_, 0.5), HasSubstr("of no known split: 100 (p0.jpg: \"minival\", p1.jpg"));
}

TEST_F(DatasetTest, NamesTheSplitsThereAreWhenOneIsMissing) {
  const Dataset dataset = read(coco_);
  try {
    dataset.split("val");
    FAIL();
  } catch (const InputError& fault) {
    EXPECT_THAT(fault.what(), AllOf(HasSubstr("captions.json"), HasSubstr("\"val\""), HasSubstr("train (100)")));
  }
}

TEST_F(DatasetTest, LeavesOutMissingPicturesAndTheirCaptions) {
  std::filesystem::remove(folder_ / "images/p7.jpg");
  expect_left_out("files missing", "p7.jpg", 1);
}

TEST_F(DatasetTest, LeavesOutFoldersInPlaceOfPictures) {
  coco_["images"][5]["file_name"] = ".";
  expect_left_out("files missing", "images/.", 1);
}

TEST_F(DatasetTest, LeavesOutCaptionsWithoutAWord) {
  for (const char* empty : {"", " \n\t ", " ... ! "}) {
    coco_["annotations"][100] = {{"image_id", 7}, {"caption", empty}};
    expect_left_out("without a word", "annotations[100]", 0);
  }
}

TEST_F(DatasetTest, LeavesOutPicturesWithoutCaptions) {
  coco_["annotations"].erase(7);
  expect_left_out("without captions", "p7.jpg", 1);
}

TEST_F(DatasetTest, LeavesOutIdsUsedTwice) {
  folder_.write("images/other.jpg", "x");
  coco_["images"].push_back({{"id", 7}, {"file_name", "other.jpg"}});
  expect_left_out("ids used twice", "7", 1);
}

TEST_F(DatasetTest, LeavesOutFileNamesUsedTwice) {
  coco_["images"].push_back({{"id", 100}, {"file_name", "./p7.jpg"}});
  expect_left_out("file names used twice", "p7.jpg", 1);
}

TEST_F(DatasetTest, LeavesOutCaptionsForUnknownPictures) {
  coco_["annotations"].push_back({{"image_id", 123456}, {"caption", "A cat"}});
  expect_left_out("for an unknown picture", "image_id 123456", 0);
}

TEST_F(DatasetTest, LeavesOutPicturesOfUnknownSplits) {
  for (auto& image : coco_["images"]) image["split"] = "train";
  coco_["images"][7]["split"] = "tarin";
  expect_left_out("of no known split", "tarin", 1);
  coco_["images"][7].erase("split");
  expect_left_out("of no known split", "p7.jpg: \"\"", 1);
}

TEST_F(DatasetTest, LeavesOutNamesThatLeaveTheFolder) {
  const auto outside = folder_.write("outside.jpg", "x");
  for (const std::string& name : {std::string("../outside.jpg"), outside.string(), std::string("a/../../outside.jpg"),
                                  std::string("p7.jpg\0.png", 11)}) {
    coco_["images"][7]["file_name"] = name;
    expect_left_out("names that leave the images folder", "", 1);
  }
}

TEST_F(DatasetTest, LeavesOutEmptyNames) {
  coco_["images"][7]["file_name"] = "";
  expect_left_out("malformed", "7: an empty file name", 1);
}

TEST_F(DatasetTest, LeavesOutPicturesOfWrongForm) {
  const Json sound = coco_["images"][7];
  for (const char* id :
       {"-1", "1.5", "1e300", "9223372036854775808", "99999999999999999999999", "\"\"", "null", "[]", "true"}) {
    coco_["images"][7] = sound;
    coco_["images"][7]["id"] = Json::parse(id);
    coco_["annotations"][7]["image_id"] = 6;
    expect_left_out("malformed", "images[7]: id", 1);
  }
  for (const char* entry : {"5", "null", "[1, 2]", "\"p7.jpg\"", "{}", "{\"id\": 7}", "{\"id\": 7, \"file_name\": 7}",
                            "{\"id\": 7, \"file_name\": \"p7.jpg\", \"split\": 1}",
                            "{\"id\": 7, \"file_name\": \"p7.jpg\", \"sentences\": {}}"}) {
    coco_["images"][7] = Json::parse(entry);
    expect_left_out("malformed", "images[7]: ", 1);
  }
}

TEST_F(DatasetTest, TakesTheLargestId) {
  coco_["images"][7]["id"] = coco_["annotations"][7]["image_id"] = INT64_MAX;
  EXPECT_EQ(read(coco_, 0).examples[7].id.number, INT64_MAX);
}

TEST_F(DatasetTest, TakesIdsAsPeopleWriteThem) {
  const auto expect_all = [&](const std::string& what) {
    const auto examples = read(coco_, 0).examples;
    ASSERT_EQ(examples.size(), 100u) << what;
    for (size_t i = 0; i < 100; ++i)
      EXPECT_THAT(examples[i].captions, ElementsAre("Picture " + std::to_string(i))) << what;
  };
  const Json sound = coco_;
  for (int i = 0; i < 100; ++i) coco_["annotations"][i]["image_id"] = std::to_string(i);
  expect_all("strings of numbers");
  for (int i = 0; i < 100; ++i) coco_["annotations"][i]["image_id"] = double(i);
  expect_all("floats");
  for (int i = 0; i < 100; ++i) coco_["annotations"][i]["image_id"] = std::to_string(i) + ".0";
  expect_all("strings of floats");
  for (int i = 0; i < 100; ++i) coco_["annotations"][i]["image_id"] = "p" + std::to_string(i);
  expect_all("stems");
  for (int i = 0; i < 100; ++i) coco_["annotations"][i]["image_id"] = "p" + std::to_string(i) + ".jpg";
  expect_all("file names");
  for (int i = 0; i < 100; ++i) coco_["annotations"][i]["image_id"] = "val2014/p" + std::to_string(i) + ".jpg";
  expect_all("file names with another folder");
  for (int i = 0; i < 100; ++i)
    coco_["annotations"][i]["image_id"] = "COCO_val2014_" + std::string(i < 10 ? 11 : 10, '0') + std::to_string(i);
  expect_all("names as COCO gave them");
  for (int i = 0; i < 100; ++i)
    coco_["images"][i]["id"] = coco_["annotations"][i]["image_id"] = "x" + std::to_string(i);
  expect_all("texts");
  EXPECT_EQ(read(coco_, 0).examples[3].id.json(), "x3");
  coco_ = sound;
  for (int i = 0; i < 100; ++i) coco_["images"][i]["id"] = std::to_string(i);
  expect_all("strings of numbers in images");
}

TEST_F(DatasetTest, RefusesIdsThatAreOnePicturesIdAndAnothersFile) {
  std::filesystem::rename(folder_ / "images/p7.jpg", folder_ / "images/8.jpg");
  coco_["images"][7]["file_name"] = "8.jpg";
  EXPECT_EQ(read(coco_, 0).examples.size(), 100u);
  coco_["annotations"][8]["image_id"] = "8";
  EXPECT_THAT(error(coco_, 0), AllOf(HasSubstr("ambiguous"), HasSubstr("\"8\" is one picture's id")));
}

TEST_F(DatasetTest, BlamesTheAnnotationsForTheIdsTheyLack) {
  for (auto& annotation : coco_["annotations"]) annotation["image_id"] = nullptr;
  EXPECT_THAT(error(coco_, 0.5), HasSubstr("image_id null"));
}

TEST_F(DatasetTest, LeavesOutCaptionsOfWrongForm) {
  for (const char* entry : {"5", "[]", "{}", "{\"image_id\": 7}", "{\"image_id\": 7, \"caption\": 3}",
                            "{\"image_id\": \"\", \"caption\": \"a\"}", "{\"image_id\": 1e99, \"caption\": \"a\"}",
                            "{\"image_id\": -7, \"caption\": \"a\"}", "{\"caption\": \"a\"}"}) {
    coco_["annotations"][100] = Json::parse(entry);
    expect_left_out("malformed", "annotations[100]: ", 0);
  }
}

TEST_F(DatasetTest, BoundsTheFaultsAndNamesOnlyTheFirst) {
  for (int i = 0; i < 10; ++i) std::filesystem::remove(folder_ / ("images/p" + std::to_string(i) + ".jpg"));
  EXPECT_EQ(read(coco_, 0.10).examples.size(), 90u);
  const std::string message = error(coco_, 0.099);
  EXPECT_THAT(message, AllOf(HasSubstr("10 faults in 100 pictures"), HasSubstr("0.099"), HasSubstr("p2.jpg, …")));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("p3.jpg")));
}

TEST_F(DatasetTest, RefusesFilesThatAreNoDataset) {
  for (const char* json :
       {"3", "null", "{}", "{\"images\": {}}", "{\"images\": 3}", "{\"images\": {\"a\": {\"id\": 1}}}"})
    EXPECT_THAT(error(Json::parse(json), 1), AllOf(HasSubstr("captions.json"), HasSubstr("images"))) << json;
  for (const char* none : {"[]", "{\"images\": []}"})
    EXPECT_THAT(error(Json::parse(none), 1), HasSubstr("no pictures")) << none;
  coco_["splits"] = Json::array();
  EXPECT_THAT(error(coco_, 1), HasSubstr("splits"));
  coco_["splits"] = {{"train", 5}};
  EXPECT_THAT(error(coco_, 1), HasSubstr("splits.train"));
}

TEST_F(DatasetTest, RefusesFilesCutShortAnywhere) {
  const std::string text = coco_.dump(1);
  for (size_t size : {size_t{0}, size_t{1}, size_t{100}, text.size() / 2, text.size() - 1}) {
    const auto file = folder_.write("cut.json", text.substr(0, size));
    try {
      read_captions(file, folder_ / "images", "train", 1);
      FAIL() << size;
    } catch (const InputError& fault) {
      EXPECT_THAT(fault.what(), StartsWith(file.string() + ":")) << size;
      EXPECT_THAT(
          std::string(fault.what()).substr(file.string().size()),
          size == 0 ? ::testing::MatchesRegex(": is an empty file") : ::testing::MatchesRegex(":[0-9]+:[0-9]+: .*"));
    }
  }
}

TEST_F(DatasetTest, RefusesAFileThatIsNotThere) {
  EXPECT_THROW(read_captions(folder_ / "none.json", folder_ / "images", "train", 1), InputError);
}

TEST_F(DatasetTest, TakesEachSplitFromItsOwnFileAndFolder) {
  for (int i = 0; i < 50; ++i) coco_["images"][i]["split"] = "train";
  for (int i = 50; i < 100; ++i) coco_["images"][i]["split"] = "test";
  const Json val = {{"images", {{{"id", 3}, {"file_name", "v.jpg"}}}},
                    {"annotations", {{{"image_id", 3}, {"caption", "V"}}}}};
  folder_.write("valimages/v.jpg", "x");
  DataOptions options;
  options.train_captions = folder_.write("train.json", coco_.dump());
  options.val_captions = folder_.write("val.json", val.dump());
  options.images = folder_ / "images";
  options.val_images = folder_ / "valimages";
  const Dataset dataset = read_dataset(options);
  EXPECT_EQ(dataset.examples.size(), 51u);
  EXPECT_EQ(dataset.split("train").size(), 50u);
  EXPECT_THAT(dataset.split("val"), ElementsAre(50));
  EXPECT_EQ(dataset.examples[50].id.number, 3);
}

TEST_F(DatasetTest, RefusesValidationPicturesThatAreTrainedOn) {
  DataOptions options;
  options.train_captions = folder_.write("train.json", coco_.dump());
  options.val_captions = folder_.write("val.json", coco_.dump());
  options.images = folder_ / "images";
  EXPECT_THROW(read_dataset(options), InputError);
}

TEST_F(DatasetTest, TakesAllSplitsFromOneFile) {
  for (int i = 0; i < 100; ++i) coco_["images"][i]["split"] = i < 80 ? "train" : i < 90 ? "val" : "test";
  DataOptions options;
  options.train_captions = folder_.write("all.json", coco_.dump());
  options.images = folder_ / "images";
  EXPECT_EQ(read_dataset(options).split("test").size(), 10u);
}

TEST_F(DatasetTest, TakesMarksOffCaptionsAndSaysSo) {
  coco_["annotations"][3]["caption"] = "<start> a dog runs <end>";
  coco_["annotations"][4]["caption"] = "startseq a cat endseq";
  const Dataset dataset = read(coco_);
  EXPECT_THAT(dataset.examples[3].captions, ElementsAre("a dog runs"));
  EXPECT_THAT(dataset.examples[4].captions, ElementsAre("a cat"));
  EXPECT_THAT(warning_, HasSubstr("2 of 100 captions with marks"));
}

TEST_F(DatasetTest, KeepsWhatAnnotationsSayOfTheirSource) {
  coco_["annotations"][1]["source"] = "human";
  coco_["annotations"][2]["source"] = "rebuilt";
  coco_["annotations"][3]["source"] = 5;  // another's key of the same name
  coco_["annotations"].push_back({{"image_id", 1}, {"caption", "again"}, {"source", "rebuilt"}});
  const Dataset dataset = read(coco_);
  EXPECT_THAT(dataset.origins, ElementsAre("", "human", "rebuilt"));
  EXPECT_THAT(dataset.examples[0].origins, ElementsAre(0));
  EXPECT_THAT(dataset.examples[1].origins, ElementsAre(1, 2));
  EXPECT_THAT(dataset.examples[3].origins, ElementsAre(0));
}

/// Two sources: the first 60 pictures, split by a key, and the others, in a file a split.
class DataSourcesTest : public DatasetTest {
 protected:
  DataSourcesTest() {
    Json parts[3];
    for (int i = 0; i < 100; ++i) {
      Json& part = parts[i < 60 ? 0 : i < 90 ? 1 : 2];
      Json image = coco_["images"][i], annotation = coco_["annotations"][i];
      if (i < 60) image["split"] = i < 50 ? "learn" : "check";
      if (i >= 60) annotation["source"] = i % 2 == 0 ? "human" : "rebuilt";
      part["images"].push_back(image);
      part["annotations"].push_back(annotation);
    }
    auto& first = options_.sources.emplace_back();
    first.train_captions = folder_.write("first/all.json", parts[0].dump());
    first.train_split = "learn";
    first.val_split = "check";
    auto& second = options_.sources.emplace_back();
    second.name = "second one";
    second.train_captions = folder_.write("second/train.json", parts[1].dump());
    second.val_captions = folder_.write("second/val.json", parts[2].dump());
    for (auto& source : options_.sources) source.images = folder_ / "images";
    options_.max_faulty = 0;
  }
  template <class Refusal>
  std::string refusal() const {
    try {
      read_dataset(options_);
    } catch (const Refusal& error) {
      return error.what();
    }
    return "read";
  }
  DataOptions options_;
};

TEST_F(DataSourcesTest, AreReadOneAfterTheOtherUnderOneNameASplit) {
  const Dataset dataset = read_dataset(options_);
  EXPECT_THAT(dataset.sources, ElementsAre("first", "second one"));
  ASSERT_EQ(dataset.examples.size(), 100u);
  EXPECT_EQ(dataset.split("train").size(), 80u);
  EXPECT_EQ(dataset.split("val").size(), 20u);
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(dataset.examples[i].source, i < 60 ? 0u : 1u) << i;
  EXPECT_THAT(dataset.origins, ElementsAre("", "human", "rebuilt"));
}

TEST_F(DataSourcesTest, OneMayHaveNothingToValidateOnButMustHaveSomethingToLearnFrom) {
  options_.sources[1].val_captions.clear();
  EXPECT_EQ(read_dataset(options_).split("val").size(), 10u);
  options_.sources[0].train_split = "none";
  options_.max_faulty = 1;
  EXPECT_THAT(refusal<InputError>(), AllOf(HasSubstr("first/all.json"), HasSubstr("\"none\"")));
}

TEST_F(DataSourcesTest, RefusesWhatIsAmbiguous) {
  options_.sources[1].name = "first";
  EXPECT_THAT(refusal<UsageError>(), HasSubstr("two are called first"));
  options_.sources[1].name = "";
  options_.train_captions = "x.json";
  EXPECT_THAT(refusal<UsageError>(), HasSubstr("data.sources: train_captions"));
  options_.sources.clear();
  options_.train_captions.clear();
  EXPECT_THAT(refusal<UsageError>(), HasSubstr("data.train_captions"));
}

TEST_F(DataSourcesTest, APictureOfTwoSourcesIsAFault) {
  options_.sources[1].train_captions = options_.sources[0].train_captions;
  options_.sources[1].train_split = "learn";
  EXPECT_THAT(refusal<InputError>(), HasSubstr("file names used twice"));
}

TEST_F(DataSourcesTest, TheHashIsThatOfPicturesSplitsAndCaptions) {
  const auto first = read_dataset(options_);
  EXPECT_EQ(read_dataset(options_).hash(), first.hash());
  auto changed = first;
  changed.examples[7].captions[0] += "!";
  EXPECT_NE(changed.hash(), first.hash());
  changed = first;
  changed.examples[7].split = "val";
  EXPECT_NE(changed.hash(), first.hash());
  changed = first;
  std::swap(changed.examples[7], changed.examples[8]);
  EXPECT_NE(changed.hash(), first.hash());
}

TEST(Dataset, ReadsFlickr8k) {
  const std::filesystem::path folder = ATTEND_SOURCE_DIR "/../shared/flickr8k";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "../shared/flickr8k is absent";
  DataOptions options;
  options.train_captions = folder / "captions_train.json";
  options.val_captions = folder / "captions_val.json";
  options.images = folder / "images";
  options.max_faulty = 0;
  const Dataset dataset = read_dataset(options);
  const auto count = [&](const char* split) {
    size_t captions = 0;
    for (size_t i : dataset.split(split)) captions += dataset.examples[i].captions.size();
    return captions;
  };
  EXPECT_EQ(dataset.split("train").size(), 6000u);
  EXPECT_EQ(dataset.split("val").size(), 1000u);
  EXPECT_EQ(count("train"), 30000u);
  EXPECT_EQ(count("val"), 5000u);
}

TEST_F(DatasetTest, MissingFilesThatAreThereUnderNearlyTheirNameAreNamed) {
  folder_.write("images/Beach.JPG", "x");
  folder_.write("images/cafe\u0301.png", "x");  // as macOS writes it
  for (const auto& [given, there] : std::map<std::string, std::string>{{"beach.jpg", "Beach.JPG"},
                                                                       {"beach.png", ""},
                                                                       {"caf\u00e9.png", "cafe\u0301.png"},
                                                                       {".\\p7.jpg", "p7.jpg"},
                                                                       {"p7.png", "p7.jpg"},
                                                                       {"p7", "p7.jpg"},
                                                                       {" p7.jpg ", "p7.jpg"},
                                                                       {"p7%2Ejpg", "p7.jpg"},
                                                                       {"p7.jpg?size=large", "p7.jpg"},
                                                                       {"nothing.jpg", ""}}) {
    Json coco = coco_;
    coco["images"][7]["file_name"] = given;
    EXPECT_EQ(read(coco).examples.size(), 99u);
    const auto named = there.empty() ? std::string("; there is") : "; there is " + (folder_ / "images").string() + "/";
    if (there.empty())
      EXPECT_THAT(warning_, AllOf(HasSubstr("files missing: 1 ("), Not(HasSubstr(named)))) << given;
    else
      EXPECT_THAT(warning_, AllOf(HasSubstr("files missing: 1 ("), HasSubstr(named), HasSubstr(there + ")"))) << given;
  }
}

TEST_F(DatasetTest, CaptionsThatAConversionSpoiltAreSaid) {
  const std::map<std::string, std::string> kinds{{"A man &amp; his dog", "HTML"},
                                                 {"It&#39;s a dog", "HTML"},
                                                 {"<p>A dog</p>", "HTML"},
                                                 {"A dog<br/>runs", "HTML"},
                                                 {R"(["a dog", "the dog"])", "a list or bytes of Python's"},
                                                 {"['a dog']", "a list or bytes of Python's"},
                                                 {"b'a dog'", "a list or bytes of Python's"},
                                                 {"nan", "nan or null"},
                                                 {"NULL", "nan or null"},
                                                 {"a caf\u00c3\u00a9", "UTF-8 read as Latin-1"},
                                                 {"the dog\u00e2\u20ac\u2122s ball", "UTF-8 read as Latin-1"},
                                                 {"black & white, 3 < 4 > 2; a<b", ""},
                                                 {"he said 'no' [sic]", ""},
                                                 {"the bread of a nan bakery", ""},
                                                 {"S\u00c3O PAULO", ""},
                                                 {"r\u00e9sum\u00e9 \u2013 \u201cdog\u201d", ""}};
  for (const auto& [caption, kind] : kinds) {
    Json coco = coco_;
    coco["annotations"][7]["caption"] = caption;
    EXPECT_THAT(read(coco).examples[7].captions, ElementsAre(caption));  // said, and left as it is
    if (kind.empty())
      EXPECT_EQ(warning_, "") << caption;
    else
      EXPECT_THAT(warning_, HasSubstr("1 of 100 captions with " + kind)) << caption;
  }
}

TEST_F(DatasetTest, AnnotationsThatAreNoListAreRefused) {
  for (const Json& other : {Json(nullptr), Json::object({{"1", Json::array()}}), Json("x")}) {
    coco_["annotations"] = other;
    EXPECT_THAT(error(coco_, 1), HasSubstr("\"annotations\" is no list"));
  }
  coco_.erase("annotations");
  EXPECT_EQ(read(coco_).examples.size(), 100u);  // pictures to caption
}

TEST_F(DatasetTest, WhatLiesInPlaceOfADataSetIsCalledByItsName) {
  for (const auto& [bytes, name] : std::map<std::string, std::string>{
           {"", "is an empty file"},
           {"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", "is a pointer of Git LFS"},
           {"\n<!DOCTYPE html><html>404</html>", "is a web page (HTML)"},
           {std::string(5000, '\0'), "is nothing but NUL bytes"}}) {
    folder_.write("c.json", bytes);
    try {
      read_captions(folder_ / "c.json", "", "train", 0);
      ADD_FAILURE() << name;
    } catch (const InputError& fault) {
      EXPECT_THAT(fault.what(), HasSubstr("c.json: " + name));
    }
  }
}

}  // namespace
}  // namespace attend
