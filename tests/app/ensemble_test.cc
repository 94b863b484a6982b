// Several models at once, given to the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/run_command.h"
#include "app/tiny_model.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;
using ::testing::StartsWith;

class EnsembleCommand : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, const std::string& bytes) const {
    return folder_.write(name, {bytes.begin(), bytes.end()}).string();
  }
  /// Three pictures in the folder "in".
  std::string pictures() const {
    for (int i = 0; i < 3; ++i)
      folder_.write("in/" + std::to_string(i) + ".jpg", encoded(".jpg", gradient(90 + 40 * i, 60)));
    return at("in");
  }
  /// The tests' model for inputs of 64x64, whose grid is 2x2 and not 3x3.
  std::string small_model() const {
    TinyModel model;
    model.edit("options", [](Json& options) { options["encoder"]["input_size"] = 64; });
    model.edit("decode", [](Json& decode) { decode["beam_width"] = 2; });
    return write("small.safetensors", model.bytes());
  }
  static Outcome with_models(const std::vector<std::string>& models, std::vector<std::string> arguments) {
    for (const auto& model : models) arguments.insert(arguments.end(), {"--model", model});
    arguments.insert(arguments.end(), {"--threads", "1"});
    return attend_command(std::move(arguments));
  }
  static std::vector<Json> records(const Outcome& run) {
    std::vector<Json> list;
    for (const auto& line : run.out_lines()) list.push_back(Json::parse(line));
    return list;
  }

  TemporaryFolder folder_;
};

TEST_F(EnsembleCommand, OfAModelWithItselfCaptionsLikeTheModel) {
  const std::vector<std::string> arguments{"caption", pictures(), "--format", "jsonl", "--n-best", "3"};
  const auto alone = records(with_models({ATTEND_TINY_MODEL}, arguments));
  const auto run = with_models({ATTEND_TINY_MODEL, ATTEND_TINY_MODEL}, arguments);
  ASSERT_EQ(run.status, 0) << run.err;
  const auto both = records(run);
  ASSERT_THAT(both, SizeIs(3));
  for (size_t i = 0; i < both.size(); ++i) {
    EXPECT_EQ(both[i]["caption"], alone[i]["caption"]);
    EXPECT_EQ(both[i]["alternatives"].size(), 2u);
    EXPECT_NEAR(both[i]["log_probability"].get<double>(), alone[i]["log_probability"].get<double>(), 1e-4);
    EXPECT_EQ(both[i]["area"], alone[i]["area"]);
  }
}

TEST_F(EnsembleCommand, CaptionsWithModelsOfDifferentSizesAndShowsTheGridOfTheFirst) {
  const std::string in = pictures(), small = small_model();
  const auto run = with_models({ATTEND_TINY_MODEL, small, ATTEND_WIDE_MODEL},
                               {"caption", in, "--format", "jsonl", "--overlay", at("pages"), "--overlay-tile", "64",
                                "--maps", at("maps"), "--html", at("page.html")});
  ASSERT_EQ(run.status, 0) << run.err;
  ASSERT_THAT(run.out_lines(), SizeIs(3));
  for (const auto& record : records(run)) {
    EXPECT_EQ(record["grid"], Json({3, 3}));
    EXPECT_THAT(record["words"][0]["attention"], SizeIs(9));
    EXPECT_LT(record["log_probability"].get<double>(), 0);
  }
  for (const char* name : {"pages/2.jpg", "maps/2.npy"}) EXPECT_TRUE(fs::exists(at(name))) << name;
  EXPECT_THAT(read_file(at("page.html")), HasSubstr("an ensemble of 3 models"));

  const auto turned = records(with_models({small, ATTEND_TINY_MODEL}, {"caption", in, "--format", "jsonl"}));
  ASSERT_THAT(turned, SizeIs(3));
  EXPECT_EQ(turned[0]["grid"], Json({2, 2}));
}

TEST_F(EnsembleCommand, DecodesAsItsFirstModelSays) {
  const std::string small = small_model();
  const auto beam = [&](const std::vector<std::string>& models, const std::string& command) {
    const auto run = with_models(models, {command, "--dump-config"});
    EXPECT_EQ(run.status, 0) << run.err;
    return Json::parse(run.out)["decode"]["beam_width"];
  };
  for (const char* command : {"caption", "evaluate"}) {
    EXPECT_EQ(beam({ATTEND_TINY_MODEL, small}, command), 3);
    EXPECT_EQ(beam({small, ATTEND_TINY_MODEL}, command), 2);
  }
}

TEST_F(EnsembleCommand, IsEvaluatedUnderTheNamesOfItsModels) {
  const std::string in = pictures();
  const std::string captions = write("captions.json", R"({"images": [{"id": 1, "file_name": "0.jpg"},
    {"id": 2, "file_name": "1.jpg"}], "annotations": [{"image_id": 1, "caption": "A dog on grass."},
    {"image_id": 2, "caption": "A red circle"}]})");
  const std::vector<std::string> models{ATTEND_TINY_MODEL, ATTEND_WIDE_MODEL};
  const auto run = with_models(models, {"evaluate", "--captions", captions, "--images", in, "--json", "--results",
                                        at("results.json"), "--html", at("page.html")});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(Json::parse(run.out)["model"], Json(models));
  EXPECT_THAT(read_file(at("page.html")), HasSubstr(models[0] + ", " + models[1]));
  const auto captioned = with_models(models, {"caption", at("in/0.jpg")});
  EXPECT_EQ(captioned.out,
            at("in/0.jpg") + "\t" + read_json_file(at("results.json"))[0]["caption"].get<std::string>() + "\n");
  const auto table = with_models(models, {"evaluate", "--captions", captions, "--images", in});
  EXPECT_THAT(table.out, HasSubstr(models[0] + ", " + models[1] + "\n"));
}

TEST_F(EnsembleCommand, IsRefusedInOneLineBeforeAnyWork) {
  TinyModel other;
  other.edit("vocabulary", [](Json& words) { words[5] = "cat"; });
  const std::string cat = write("cat.safetensors", other.bytes()), in = pictures();
  const auto refused = [&](const std::vector<std::string>& models, int status) {
    const auto run = with_models(models, {"caption", in, "--overlay", at("pages")});
    EXPECT_EQ(run.status, status);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
    EXPECT_FALSE(fs::exists(at("pages")));
    return run.err;
  };
  EXPECT_THAT(refused({ATTEND_TINY_MODEL, cat}, 1),
              StartsWith("attend: " + cat + ": its vocabulary isn't that of " + ATTEND_TINY_MODEL +
                         ": word 5 is \"cat\", there \"dog\""));
  EXPECT_THAT(refused({ATTEND_TINY_MODEL, at("none.safetensors")}, 1), HasSubstr("none.safetensors: No such file"));
  EXPECT_THAT(refused({ATTEND_TINY_MODEL, at("in/0.jpg")}, 1), StartsWith("attend: " + at("in/0.jpg") + ": "));
  EXPECT_THAT(refused({""}, 2), HasSubstr("--model"));
}

}  // namespace
}  // namespace attend::testing
