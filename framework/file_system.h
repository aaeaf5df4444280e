#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "manul/framework/error.h"

// All that is asked of folders and names goes through here: std::filesystem's own functions throw errors of
// their own, in words that no user understands, or return nothing for "there is none" and for "it cannot be
// told" alike. (Paths as such, their parts and joining, are std::filesystem's.)
namespace manul {

enum class FileType { missing, file, folder, other };

/// What is at `path`, links followed. Throws an Error of `kind`, "PATH: REASON", if that cannot be told: a
/// link that leads to itself, a name that is too long, a folder that may not be searched.
FileType file_type(const std::filesystem::path& path, ErrorKind kind);
/// The same as a question: false also where it cannot be told, for whoever opens it next and says why it
/// fails.
bool is_folder(const std::filesystem::path& path) noexcept;
bool is_file(const std::filesystem::path& path) noexcept;
/// True if both names are there and lead to one file or folder.
bool is_same_file(const std::filesystem::path& a, const std::filesystem::path& b) noexcept;

/// What is in a folder. `type` is that of the entry with links followed; missing for a link that leads
/// nowhere.
struct FolderEntry {
  std::filesystem::path path;
  FileType type = FileType::missing;
  bool is_link = false;
};
/// The entries of `folder` by the bytes of their names. Throws an Error of `kind` if it cannot be read.
std::vector<FolderEntry> list_folder(const std::filesystem::path& folder, ErrorKind kind);

/// The files and folders that fit a pattern of the shell (* ? [..]), sorted; none where nothing does.
std::vector<std::filesystem::path> files_that_fit(const std::string& pattern);
/// True if `text` has a character that means something in such a pattern.
bool is_pattern(const std::string& text);

/// From the root, without links that were not there; the current folder's if that cannot be told.
std::filesystem::path absolute_path(const std::filesystem::path& path);
/// Where a file that is written to `path` comes to lie: the end of a chain of links, which need not be there,
/// in a folder whose own path has no links. Throws an Error of `kind` if the chain has no end.
std::filesystem::path link_target(const std::filesystem::path& path, ErrorKind kind);
/// Where this program lies; empty if that cannot be told.
std::filesystem::path program_folder();
/// For files that may vanish: TMPDIR or /tmp.
std::filesystem::path temporary_folder();

/// Makes the folder and those above it; one that is there is left as it is. Throws an Error of `kind`.
void make_folders(const std::filesystem::path& folder, ErrorKind kind);
/// Gives a file or folder another name. Throws an Error of `kind`.
void rename_path(const std::filesystem::path& from, const std::filesystem::path& to, ErrorKind kind);
/// Gives a file a second name, or a copy where it cannot have one. Throws an Error of `kind`.
void link_or_copy(const std::filesystem::path& from, const std::filesystem::path& to, ErrorKind kind);
/// Removes a file, or a folder with all that is in it, as far as that can be done.
void remove_tree(const std::filesystem::path& path) noexcept;

}  // namespace manul
