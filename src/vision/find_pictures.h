// From what a person names on a command line to picture files.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace attend {

/// Stands for the bytes of a picture on standard input.
constexpr const char* kStandardInput = "-";

/// A picture and its name below the folder or archive it was found in ("holiday/beach.jpg").
struct FoundPicture {
  std::filesystem::path path, name;
  std::filesystem::path container = {};  // the archive that it lies in, or the video that it is of; empty: a file
  bool is_video = false;                 // a whole one, to take frames from
};

struct EmptyFolder {
  std::filesystem::path path;
  bool deeper;  // it has subfolders that weren't looked into
};

struct FoundPictures {
  std::vector<FoundPicture> pictures;
  std::vector<std::string> refusals;  // a line each: arguments that name nothing, folders that can't be read
  std::vector<EmptyFolder> empty;     // named folders in which there is nothing for attend to read
  // What lay in folders and was passed over: kind → pictures that attend doesn't read, files that can't be opened.
  std::map<std::string, std::vector<std::filesystem::path>> unread;
  std::vector<std::filesystem::path> unopened;
  std::vector<std::filesystem::path> archives, nested;  // in folders; in archives
  std::vector<std::filesystem::path> videos;
  std::vector<std::string> of_archives;    // a line each: what stands in an archive and is no file of its own
  std::vector<std::filesystem::path> own;  // what attend wrote itself, passed over wherever it stood
  // subfolders that are hidden, or hold what a program keeps for itself
  std::vector<std::filesystem::path> not_entered;
  std::vector<std::filesystem::path> hidden;  // pictures whose names begin with a full stop
  std::vector<std::filesystem::path> below;   // subfolders with pictures, of folders with pictures, without `recursive`

  /// What was passed over and why, a line a reason, and which folders are empty.
  std::vector<std::string> remarks() const;
};

/// Whether a file is called as pictures are (.jpg, .PNG, …).
bool has_picture_extension(const std::filesystem::path& path);

/// The pictures that `arguments` name, in their order. A file stands for itself, whatever it is; "-" is
/// standard input, as a picture of that path and of the name "stdin". A folder stands for the
/// pictures in it, with `recursive` also those in its subfolders, sorted bytewise by name, without hidden ones. The first
/// bytes of a file tell whether it is one; a file with a picture's extension (.jpg .jpeg .jpe .jfif .png .gif .webp .tif
/// .tiff .bmp .dib .mpo .apng .heic .heif .hif .avif .jxl .jp2 .j2k .jpf .jpx .pnm .ppm .pgm .pbm .pam .ico .cur, any case)
/// that is no known kind stands in the list, too, for whoever reads it to report; one with the extension of pictures that
/// attend doesn't read is among the unread. A folder that
/// links lead back to is walked once. An argument that doesn't exist but has *, ? or [ in it is a glob pattern. Names may
/// hold any bytes. What attend wrote itself is passed over wherever it stands: pictures with its mark, and sidecars (a
/// .txt, .caption or .xmp whose picture lies beside it) that are named. Subfolders that are hidden, and thumbnails and bins of archives'
/// programs (@eaDir, #recycle, __MACOSX), are not entered unless they are named.
///
/// A named archive (tar, tar in gzip, zip) stands for all pictures in it, those in its folders too, as a folder would; of what
/// is "album.zip/…", a file of the archive, those of a folder or those like a pattern. Members that can't be read, whatever they
/// are, are refused, a line a reason. Archives in folders and in archives are passed over. A video is refused where it is named
/// and passed over in a folder, unless `videos`: then it is among the pictures.
///
/// exclude: patterns (fnmatch) of files and subfolders to pass over, named ones too. One without a slash is matched with the
/// last part of a path, one with a slash with the whole path and with that below the named folder; * stands for slashes, too.
FoundPictures find_pictures(const std::vector<std::string>& arguments, bool recursive,
                            const std::vector<std::string>& exclude = {}, bool videos = false);

}  // namespace attend
