// attend-metadata: writes captions into the metadata of pictures. A child process of attend, which it speaks with by lines: a
// request on standard input, an answer on standard output. Fields stand between tabs, as base/escape.h writes them.
//
//   look  PATH                                  → empty | captioned | none | fault WHY
//   write HOW SIZE MODIFIED PATH CAPTION        → written | kept | fault WHY
//
// HOW: skip, overwrite, append or prepend; SIZE in bytes and MODIFIED in ns since 1970: of the file that was captioned; WHY: a
// line with the path in it.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exiv2/exiv2.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/escape.h"
#include "caption_metadata.h"

namespace attend {
namespace {

std::vector<std::string> answer(CaptionMetadata& metadata, const std::vector<std::string>& request) {
  static const std::vector<std::string> hows{"skip", "overwrite", "append", "prepend"};
  if (request.size() == 2 && request[0] == "look") {
    const Place place = CaptionMetadata::look(request[1]);
    return {place == Place::kNone ? "none" : place == Place::kEmpty ? "empty" : "captioned"};
  }
  const auto how = request.size() == 6 ? std::find(hows.begin(), hows.end(), request[1]) : hows.end();
  if (how == hows.end() || request[0] != "write") throw InputError("attend-metadata: no request: " + request[0]);
  const FileStamp stamp{std::stoull(request[2]), std::stoll(request[3])};
  const bool written = metadata.write(request[4], stamp, request[5], static_cast<IfCaptioned>(how - hows.begin()));
  return {written ? "written" : "kept"};
}

int serve() {
  // Ctrl-C reaches all processes of a terminal: attend ends this one by closing its input.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
  Exiv2::LogMsg::setLevel(Exiv2::LogMsg::mute);
  Exiv2::XmpParser::initialize();
  CaptionMetadata metadata;
  for (std::string line; std::getline(std::cin, line);) {
    std::vector<std::string> said;
    try {
      said = answer(metadata, parted_line(line));
    } catch (const std::exception& fault) {
      said = {"fault", fault.what()};
    }
    if (!(std::cout << joined_line(said) << std::flush)) return 1;
  }
  return 0;
}

}  // namespace
}  // namespace attend

int main(int count, char** values) {
  if (count == 1 && !::isatty(STDIN_FILENO)) return attend::serve();
  const bool asked = count == 2 && std::string(values[1]) == "--version";
  (asked ? std::cout : std::cerr)
      << "attend-metadata " ATTEND_VERSION " (Exiv2 " << Exiv2::versionString()
      << "): `attend caption --metadata` runs this program to write captions into pictures\n";
  return asked ? 0 : 2;
}
