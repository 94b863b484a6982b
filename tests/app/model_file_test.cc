// Model files, sound and damaged, given to the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/run_command.h"
#include "app/tiny_model.h"
#include "vision/picture_files.h"

namespace attend::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class ModelFileCommand : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& bytes) const {
    return folder_.write(name, {bytes.begin(), bytes.end()}).string();
  }
  /// The model with another header before the same tensors.
  static std::string with_header(const Json& header) {
    TinyModel model;
    model.header = header;
    return model.bytes();
  }

  TemporaryFolder folder_;
  const std::string model_ = read_file(ATTEND_TINY_MODEL);
  const Json header_ = TinyModel().header;
};

TEST_F(ModelFileCommand, InspectSaysWhatAModelIs) {
  const auto json = attend_command({"inspect", "--json", ATTEND_TINY_MODEL});
  ASSERT_EQ(json.status, 0) << json.err;
  const Json model = Json::parse(json.out);
  EXPECT_EQ(model["encoder"]["family"], "efficientnet-lite0");
  EXPECT_EQ(model["encoder"]["input_size"], 96);
  EXPECT_EQ(model["annotations"]["grid"], Json({3, 3}));
  EXPECT_EQ(model["annotations"]["size"], 1280);
  EXPECT_EQ(model["decoder"]["hidden_size"], 16);
  EXPECT_EQ(model["vocabulary"]["words"], 16);
  EXPECT_EQ(model["vocabulary"]["most_frequent"][1], "dog");
  EXPECT_EQ(model["decode"]["max_length"], 6);
  EXPECT_EQ(model["about"]["licence"], "CC0-1.0");
  EXPECT_EQ(model["bytes"], model_.size());
  EXPECT_GT(model["parameters"]["encoder"].get<int64_t>(), 3'000'000);

  const auto text = attend_command({"inspect", ATTEND_TINY_MODEL});
  EXPECT_EQ(text.status, 0) << text.err;
  for (const char* word : {"efficientnet-lite0", "additive", "CC0-1.0", "dog"}) EXPECT_THAT(text.out, HasSubstr(word));
}

TEST_F(ModelFileCommand, DamagedModelsAreRefusedBeforeAnyWork) {
  Json lying = header_, newer = header_, foreign = header_, missing = header_, wordless = header_;
  const std::string name = "decoder.init_h.weight";
  ASSERT_TRUE(header_.contains(name)) << header_.dump().substr(0, 2000);
  lying[name]["data_offsets"][1] = 1'000'000'000'000;
  newer["__metadata__"]["format_version"] = "99";
  foreign.erase("__metadata__");
  missing.erase(name);
  wordless["__metadata__"]["vocabulary"] = "[1, 2]";
  const std::vector<std::pair<std::string, std::string>> files{
      {"cut.safetensors", model_.substr(0, model_.size() / 2)},
      {"byte-short.safetensors", model_.substr(0, model_.size() - 1)},
      {"empty.safetensors", ""},
      {"lying.safetensors", with_header(lying)},
      {"newer.safetensors", with_header(newer)},
      {"foreign.safetensors", with_header(foreign)},
      {"missing.safetensors", with_header(missing)},
      {"wordless.safetensors", with_header(wordless)}};
  const std::string picture = folder_.write("x.jpg", encoded(".jpg", gradient(40, 40))).string();
  for (const auto& [file, bytes] : files) {
    const std::string path = write(file, bytes);
    const auto inspected = attend_command({"inspect", path});
    EXPECT_EQ(inspected.status, 1) << file;
    EXPECT_EQ(inspected.out, "") << file;
    EXPECT_THAT(inspected.err, StartsWith("attend: " + path + ": ")) << file;
    EXPECT_THAT(inspected.err_lines(), SizeIs(1)) << inspected.err;
  }
  const auto captioned = attend_command({"caption", picture, "--model", (folder_.path() / "cut.safetensors").string(),
                                         "--overlay", (folder_.path() / "out").string()});
  EXPECT_EQ(captioned.status, 1);
  EXPECT_EQ(captioned.out, "");
  EXPECT_THAT(captioned.err, HasSubstr("cut.safetensors: "));
  EXPECT_THAT(attend_command({"inspect", (folder_.path() / "newer.safetensors").string()}).err,
              HasSubstr("version 99"));
  EXPECT_THAT(attend_command({"inspect", (folder_.path() / "foreign.safetensors").string()}).err,
              HasSubstr("not an attend model"));
}

TEST_F(ModelFileCommand, ModelsThatCannotBeMeantAreRefusedInOneLine) {
  const auto deep = [](const char* head) { return head + std::string(300000, '[') + std::string(300000, ']') + "}"; };
  const auto metadata = [&](const char* key, const std::string& value) {
    TinyModel model;
    model.header["__metadata__"][key] = value;
    return model.bytes();
  };
  const auto option = [&](const char* section, const char* key, const Json& value) {
    TinyModel model;
    model.edit("options", [&](Json& options) { options[section][key] = value; });
    return model.bytes();
  };
  /// With the first tensor of the decoder's state gates changed.
  const auto tensor = [&](const char* type, const std::string& bytes) {
    TinyModel model;
    Json& entry = model.header["decoder.state_gates.weight"];
    model.tensors.replace(entry["data_offsets"][0].get<size_t>(), bytes.size(), bytes);
    entry["dtype"] = type;
    return model.bytes();
  };
  const std::vector<std::tuple<std::string, std::string, std::string>> files{
      {"deep-options", metadata("options", deep("{\"decoder\":")), "100 deep"},
      {"deep-about", metadata("about", deep("{\"x\":")), "100 deep"},
      {"deep-decode", metadata("decode", deep("{\"beam_width\":")), "100 deep"},
      {"overflow", metadata("options", "{\"decoder\":{\"hidden_size\":1e999}}"), "number too large"},
      {"huge-state", option("decoder", "hidden_size", 65536), "more weights than it holds"},
      {"huge-words", option("decoder", "embedding_size", 65536), "more weights than it holds"},
      {"large-attention", option("attention", "size", 65536), "another shape than its options say"},  // as many fit
      {"nan", tensor("F16", std::string("\x00\x7e", 2)), "NaN or infinity"},
      {"infinite", tensor("F16", std::string("\x00\xfc", 2)), "NaN or infinity"},
      {"integers", tensor("I16", ""), "floating-point"},
      {"bf16-nan", tensor("BF16", std::string("\xc0\x7f", 2)), "NaN or infinity"}};
  for (const auto& [name, bytes, says] : files) {
    const std::string path = write(name + ".safetensors", bytes);
    const auto run = attend_command({"inspect", path});
    EXPECT_EQ(run.status, 1) << name;
    EXPECT_THAT(run.err, StartsWith("attend: " + path + ": ")) << name;
    EXPECT_THAT(run.err, HasSubstr(says)) << name;
    EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
  }
}

TEST_F(ModelFileCommand, HelpShowsTheDefaultsOfTheModel) {
  for (const std::string command : {"caption", "evaluate"}) {
    const auto run = attend_command({command, "--help-all", "--model", ATTEND_TINY_MODEL});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("are those of tiny.safetensors")) << command;
    EXPECT_THAT(run.out, ::testing::ContainsRegex("--max-length N +[^(]+\\([^)]*default 6\\)")) << command;
    const auto none = attend_command({command, "--model=/nowhere", "--help"});
    EXPECT_EQ(none.status, 0);
    EXPECT_THAT(none.out, ::testing::ContainsRegex("where[ \n]+it[ \n]+has[ \n]+none")) << command;  // wrapped
  }
}

TEST_F(ModelFileCommand, InspectIsKindToAnotherFileOfWeights) {
  const Json header{{"layer.weight", {{"dtype", "F32"}, {"shape", {2, 2}}, {"data_offsets", {0, 16}}}}};
  std::string text = header.dump();
  const uint64_t size = text.size();
  const auto path =
      write("weights.safetensors", std::string(reinterpret_cast<const char*>(&size), 8) + text + std::string(16, '\0'));
  const auto run = attend_command({"inspect", path});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr("not an attend model but plain weights, 1 tensor with 4 values"));
}

TEST_F(ModelFileCommand, APthThatRunsCodeRunsNothing) {
  const std::string mark = (folder_.path() / "it-ran").string();
  const std::string command = "touch " + mark;
  const std::string old_style = "cos\nsystem\n(S'" + command + "'\ntR.";
  const std::string new_style = std::string("\x80\x02", 2) + "cposix\nsystem\nq\x01X" +
                                static_cast<char>(command.size()) + std::string(3, '\0') + command + "\x85R.";
  const std::string captions = write("c.json", R"({"images": [{"id": 1, "file_name": "x.jpg"}],
                                                   "annotations": [{"image_id": 1, "caption": "a dog"}]})");
  folder_.write("x.jpg", encoded(".jpg", gradient(40, 40)));
  for (const auto& [name, bytes] : {std::pair{"old.pth", old_style}, {"new.pth", new_style}}) {
    const std::string path = write(name, bytes);
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"inspect", path},
          {"caption", path, "--model", path},
          {"features", "--encoder-weights", path, "--train-captions", captions, "--images", folder_.path().string(),
           "--val-split", "train", "--features", (folder_.path() / "store").string()}}) {
      const auto run = attend_command(arguments);
      EXPECT_EQ(run.status, 1) << arguments[0];
      EXPECT_THAT(run.err, HasSubstr(path + ": ")) << arguments[0];
      EXPECT_THAT(run.err_lines(), SizeIs(1)) << run.err;
    }
  }
  EXPECT_FALSE(fs::exists(mark));
}

TEST_F(ModelFileCommand, FeaturesOfAnInitialModelAreThoseItsTrainingReads) {
  folder_.write("x.jpg", encoded(".jpg", gradient(40, 40)));
  const std::string captions = write("c.json", R"({"images": [{"id": 1, "file_name": "x.jpg"}],
                                                   "annotations": [{"image_id": 1, "caption": "a dog"}]})");
  const std::string store = (folder_.path() / "store").string();
  const std::vector<std::string> recipe{"--initial-model",
                                        ATTEND_TINY_MODEL,
                                        "--features",
                                        store,
                                        "--train-captions",
                                        captions,
                                        "--images",
                                        folder_.path().string(),
                                        "--val-split",
                                        "train",
                                        "--family",
                                        "efficientnet-lite0",
                                        "--input-size",
                                        "96",
                                        "--attention-size",
                                        "16",
                                        "--decoder-hidden-size",
                                        "16",
                                        "--decoder-embedding-size",
                                        "16",
                                        "--decoder-annotation-size",
                                        "16"};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), recipe.begin(), recipe.end());
    return attend_command(arguments);
  };
  const auto made = with({"features"});
  ASSERT_EQ(made.status, 0) << made.err;
  const auto files = [&] { return std::distance(fs::directory_iterator(store), fs::directory_iterator()); };
  EXPECT_EQ(files(), 2);  // rows and their index
  const auto trained = with({"train", "--epochs", "1", "--output", (folder_.path() / "run").string()});
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_EQ(files(), 2);  // another encoder would have added its own
  const auto both = with({"features", "--encoder-weights", ATTEND_TINY_MODEL});
  EXPECT_EQ(both.status, 2);
  EXPECT_THAT(both.err, HasSubstr("train.encoder_weights and train.initial_model are both set"));
}

TEST_F(ModelFileCommand, TheModelMayBeNamedByTheEnvironment) {
  ::setenv("ATTEND_MODEL", ATTEND_TINY_MODEL, 1);
  const auto named = attend_command({"inspect", "--json"});
  ::setenv("ATTEND_MODEL", "/nowhere/model.safetensors", 1);
  const auto lost = attend_command({"inspect"});
  ::unsetenv("ATTEND_MODEL");
  EXPECT_EQ(named.status, 0) << named.err;
  EXPECT_EQ(Json::parse(named.out)["file"], ATTEND_TINY_MODEL);
  EXPECT_EQ(lost.status, 1);
  EXPECT_EQ(lost.err, "attend: /nowhere/model.safetensors: No such file or directory\n");
}

TEST_F(ModelFileCommand, AProgramWithoutItsModelSaysWhereItLooked) {
  const auto run = run_command({install_attend(folder_.path() / "a" / "b"), "inspect"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr((folder_.path() / "data/models").lexically_normal().string()));
  EXPECT_THAT(run.err, HasSubstr("--model FILE"));
}

TEST_F(ModelFileCommand, AProgramWithoutItsOtherHalfSaysWhatIsMissing) {
  const fs::path program = install_attend(folder_.path() / "bin");
  fs::remove(program.parent_path() / "attend-tensors");
  const auto run = run_command({program.string(), "inspect"});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr("bin/attend-tensors: can't be run"));
  EXPECT_EQ(run_command({program.string(), "--help"}).status, 0);
  // What needs no LibTorch doesn't need the half that has it, either.
  const auto with = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> all{program.string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_command(all);
  };
  const std::string shapes = folder_.path() / "shapes", captions = shapes + "/captions_val.json";
  ASSERT_EQ(with({"shapes", shapes, "--train", "1", "--val", "3", "--test", "1"}).status, 0);
  Json results = Json::array();
  const Json references = Json::parse(read_file(captions));
  for (const auto& annotation : references["annotations"])
    results.push_back({{"image_id", annotation["image_id"]}, {"caption", annotation["caption"]}});
  write("results.json", results.dump());
  const auto scored =
      with({"evaluate", "--captions", captions, "--candidates", folder_.path() / "results.json", "--json"});
  ASSERT_EQ(scored.status, 0) << scored.err;
  EXPECT_NEAR(Json::parse(scored.out)["bleu_1"].get<double>(), 1, 1e-6);
  const auto converted = with({"convert", captions, folder_.path() / "captions.csv", "--images", shapes + "/images"});
  EXPECT_EQ(converted.status, 0) << converted.err;
  fs::remove(program.parent_path() / "attend-pictures");
  EXPECT_THAT(run_command({program.string(), "shapes", "--help"}).err, HasSubstr("bin/attend-pictures: can't be run"));
}

}  // namespace
}  // namespace attend::testing
