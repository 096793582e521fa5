#include "storage/import/hdf5_input.h"

#include <algorithm>
#include <array>
#include <deque>
#include <fstream>
#include <set>
#include <type_traits>
#include <utility>

#include "storage/dataset/hdf5_types.h"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostListed = 1000;
constexpr int kDeepest = 32;        // groups in groups
constexpr int kMostSoftLinks = 16;  // on the way to one array
constexpr std::size_t kBlockValues = std::size_t(1) << 20;
constexpr std::size_t kMostCacheBytes = std::size_t(1) << 30;

void add_parts(const std::string& path, std::deque<std::string>& parts) {
  std::vector<std::string> found;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    if (!part.empty() && part != ".") found.push_back(part);
    begin = end + 1;
  }
  parts.insert(parts.begin(), found.begin(), found.end());
}

// What a soft or external link holds; external: the name of the file, the path behind its zero.
StatusOr<std::string> link_value(hid_t group, const std::string& name, std::size_t bytes) {
  constexpr std::size_t kMostBytes = 65536;
  std::string value(std::min(bytes, kMostBytes), '\0');
  if (value.empty() || H5Lget_val(group, name.c_str(), value.data(), value.size(), H5P_DEFAULT) < 0) {
    return hdf5_read_error(fmt::format("{} cannot be read as a link", name));
  }
  return value;
}

std::string external_text(hid_t group, const std::string& name, std::size_t bytes) {
  const StatusOr<std::string> value = link_value(group, name, bytes);
  const char *file = nullptr, *path = nullptr;
  unsigned flags = 0;
  if (!value.ok() || H5Lunpack_elink_val(value->data(), value->size(), &flags, &file, &path) < 0) {
    return "external link";
  }
  return fmt::format("external link to {}", file);
}

// A group and the name of a hard link in it.
struct Place {
  Hdf5Group group;
  std::string name;
};

// Follows groups and soft links, never out of the file. Errors: kNotFound, bad_data; without the path of the file.
StatusOr<Place> find_place(hid_t root, const std::string& path) {
  std::deque<std::string> parts;
  add_parts(path, parts);
  Hdf5Group group(H5Gopen2(root, ".", H5P_DEFAULT));
  int soft_links = 0;
  while (group.valid() && !parts.empty()) {
    const std::string name = parts.front();
    parts.pop_front();
    H5L_info_t info;
    if (H5Lexists(group.get(), name.c_str(), H5P_DEFAULT) <= 0) {
      hdf5_error();
      return absl::NotFoundError(fmt::format("there is no {}", name));
    }
    if (H5Lget_info(group.get(), name.c_str(), &info, H5P_DEFAULT) < 0) {
      return hdf5_read_error(fmt::format("{} cannot be looked up", name));
    }
    if (info.type == H5L_TYPE_SOFT) {
      ASSIGN_OR_RETURN(const std::string value, link_value(group.get(), name, info.u.val_size));
      const std::string target = value.c_str();
      if (++soft_links > kMostSoftLinks) return bad_data(fmt::format("{} is a soft link that leads in a circle", name));
      if (target.starts_with('/')) group = Hdf5Group(H5Gopen2(root, ".", H5P_DEFAULT));
      add_parts(target, parts);
      if (parts.empty()) return bad_data(fmt::format("{} is a soft link to a group: expected an array", name));
    } else if (info.type != H5L_TYPE_HARD) {
      return bad_data(fmt::format("{} is an {}: expected the data itself; copy it into the file, or name that file",
                                  name,
                                  info.type == H5L_TYPE_EXTERNAL ? external_text(group.get(), name, info.u.val_size)
                                                                 : "link of a kind that is not known"));
    } else if (parts.empty()) {
      return Place{std::move(group), name};
    } else {
      group = Hdf5Group(H5Gopen2(group.get(), name.c_str(), H5P_DEFAULT));
      if (!group.valid()) return hdf5_read_error(fmt::format("{} is no group, or the file is damaged", name));
    }
  }
  if (!group.valid()) return hdf5_read_error("the root of the file is no group: the file is damaged");
  return bad_data("names the root: expected the path of an array");
}

// Walks all groups of a file.
class Listing {
 public:
  Listing(hid_t root, std::string file) : root_(root), file_(std::move(file)) {}
  std::vector<ListedArray> run() {
    enter(Hdf5Group(H5Gopen2(root_, ".", H5P_DEFAULT)), "", 0);
    hdf5_error();
    return std::move(arrays_);
  }

 private:
  void enter(const Hdf5Group& group, const std::string& prefix, int depth);
  void look(const Hdf5Group& group, const std::string& name, const std::string& path, int depth);
  void add(const std::string& path, const std::string& type) { arrays_.push_back({file_, path, {}, type}); }
  void describe(const std::string& path, hid_t dataset);

  hid_t root_;
  std::string file_;
  std::vector<ListedArray> arrays_;
  std::set<hobj_ref_t> groups_;  // that were entered
};

void Listing::enter(const Hdf5Group& group, const std::string& prefix, int depth) {
  hobj_ref_t address = 0;
  if (!group.valid() || depth > kDeepest || H5Rcreate(&address, group.get(), ".", H5R_OBJECT, -1) < 0) return;
  if (!groups_.insert(address).second || groups_.size() > kMostListed) return;
  for (const std::string& name : link_names(group.get())) {
    if (arrays_.size() >= kMostListed) return;
    look(group, name, prefix + name, depth);
  }
}

void Listing::look(const Hdf5Group& group, const std::string& name, const std::string& path, int depth) {
  H5L_info_t info;
  if (H5Lget_info(group.get(), name.c_str(), &info, H5P_DEFAULT) < 0) return;
  if (info.type == H5L_TYPE_SOFT) {
    const StatusOr<Place> place = find_place(root_, path);
    if (!place.ok()) return add(path, "soft link that leads nowhere inside the file");
    const Hdf5Object object(H5Oopen(place->group.get(), place->name.c_str(), H5P_DEFAULT));
    if (object.valid() && H5Iget_type(object.get()) == H5I_DATASET) describe(path, object.get());
    return;
  }
  if (info.type != H5L_TYPE_HARD) return add(path, external_text(group.get(), name, info.u.val_size));
  const Hdf5Object object(H5Oopen(group.get(), name.c_str(), H5P_DEFAULT));
  if (!object.valid()) return add(path, "damaged");
  if (H5Iget_type(object.get()) == H5I_DATASET) describe(path, object.get());
  if (H5Iget_type(object.get()) == H5I_GROUP) {
    enter(Hdf5Group(H5Gopen2(group.get(), name.c_str(), H5P_DEFAULT)), fmt::format("{}/", path), depth + 1);
  }
}

std::string type_text(hid_t type) {
  const H5T_class_t type_class = H5Tget_class(type);
  if (type_class != H5T_INTEGER && type_class != H5T_FLOAT) return std::string(class_name(type_class));
  const bool is_unsigned = type_class == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_NONE;
  return fmt::format("{}{}{}", is_unsigned ? "u" : "", type_class == H5T_FLOAT ? "float" : "int",
                     8 * H5Tget_size(type));
}

void Listing::describe(const std::string& path, hid_t dataset) {
  const Hdf5Properties properties(H5Dget_create_plist(dataset));
  // It would open its source files when asked for its size.
  if (properties.valid() && H5Pget_layout(properties.get()) == H5D_VIRTUAL) return add(path, "virtual dataset");
  const Hdf5Type type(H5Dget_type(dataset));
  const Hdf5Space space(H5Dget_space(dataset));
  std::array<hsize_t, H5S_MAX_RANK> dims{};
  const int rank = space.valid() ? H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr) : -1;
  if (!type.valid() || rank < 0) return add(path, "damaged");
  add(path, type_text(type.get()));
  const H5T_class_t type_class = H5Tget_class(type.get());
  arrays_.back().dims.assign(dims.begin(), dims.begin() + rank);
  arrays_.back().is_text = type_class == H5T_STRING;
  arrays_.back().is_number = type_class == H5T_INTEGER || type_class == H5T_FLOAT || type_class == H5T_ENUM;
}

// Of all chunks that rows lie in which are read together: each is inflated once.
std::size_t cache_bytes(const StoredArray& array) {
  if (array.chunk.empty() || array.dims[0] == 0) return 0;
  double bytes = double(array.element_bytes);
  for (const std::uint64_t dim : array.dims) bytes *= double(dim);
  bytes *= double(std::min(array.chunk[0], array.dims[0])) / double(array.dims[0]);
  return std::size_t(std::min(1.1 * bytes, double(kMostCacheBytes)));
}

template <typename T>
hid_t number_type() {
  if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_NATIVE_UINT8;
  if constexpr (std::is_same_v<T, std::uint16_t>) return H5T_NATIVE_UINT16;
  if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
  if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
  return H5T_NATIVE_DOUBLE;
}

}  // namespace

Status ImportFaults::status() const {
  if (empty()) return OkStatus();
  std::vector<std::string> all = data;
  all.insert(all.end(), usage.begin(), usage.end());
  const std::string text = fmt::format("{}", fmt::join(all, "\n"));
  return data.empty() ? bad_configuration(text) : bad_data(text);
}

std::string ListedArray::dims_text() const {
  return fmt::format("{}", fmt::join(dims, "x"));
}

std::size_t Hdf5Array::row_values() const {
  std::size_t values = 1;
  for (std::size_t i = 1; i < stored.dims.size(); ++i) values *= stored.dims[i];
  return values;
}

StatusOr<std::unique_ptr<Hdf5Input>> Hdf5Input::open(const fs::path& path) {
  std::error_code error;
  if (fs::status(path, error).type() == fs::file_type::not_found) {
    return bad_data(fmt::format("{}: there is no such file: expected an HDF5 file", path.native()));
  }
  if (fs::is_regular_file(path, error)) {
    std::array<char, 2> magic{};
    std::ifstream(path, std::ios::binary).read(magic.data(), magic.size());
    if (magic[0] == '\x1f' && magic[1] == '\x8b') {
      return bad_data(
          fmt::format("{}: is compressed by gzip: expected an HDF5 file; unpack it with gunzip", path.native()));
    }
  }
  const auto lock = hdf5_lock();
  ASSIGN_OR_RETURN(Hdf5File file, open_hdf5_file(path));
  return std::unique_ptr<Hdf5Input>(new Hdf5Input(path.native(), std::move(file)));
}

std::vector<ListedArray> Hdf5Input::list() const {
  const auto lock = hdf5_lock();
  return Listing(file_.get(), path_).run();
}

bool Hdf5Input::has(const std::string& path) const {
  const auto lock = hdf5_lock();
  return !absl::IsNotFound(find_place(file_.get(), path).status());
}

std::optional<Hdf5Array> Hdf5Input::array(const std::string& path, ImportFaults& faults) const {
  const auto lock = hdf5_lock();
  const auto refuse = [&](std::string_view message) {
    faults.data.push_back(fmt::format("{}: {}", path_, message));
    return std::nullopt;
  };
  const StatusOr<Place> place = find_place(file_.get(), path);
  if (!place.ok()) return refuse(fmt::format("{} cannot be opened: {}", path, std::string(place.status().message())));
  DataFaults found;
  std::optional<StoredArray> stored = open_array(place->group.get(), place->name, path, found, Elements::kAny);
  if (!stored) {
    faults.data.emplace_back(found.status(path_).message());
    return std::nullopt;
  }
  Hdf5Array array{path_, path, *std::move(stored)};
  if (array.stored.dims[0] < 1 || array.stored.dims[0] > std::uint64_t(kRowLimit) || array.row_values() < 1) {
    return refuse(fmt::format("{} has the shape {}: expected rows", path, array.stored.dims_text()));
  }
  const Status cache = enlarge_chunk_cache(place->group.get(), place->name, array.stored, cache_bytes(array.stored));
  if (!cache.ok()) return refuse(fmt::format("{} {}", path, std::string(cache.message())));
  return array;
}

template <typename T>
Status read_values(const Hdf5Array& array, std::int64_t first, std::int64_t count, T* out) {
  const auto lock = hdf5_lock();
  const Status status = read_rows(array.stored, number_type<T>(), first, count, out);
  return status.ok() ? status : with_context(status, array.where());
}
template Status read_values(const Hdf5Array&, std::int64_t, std::int64_t, std::uint8_t*);
template Status read_values(const Hdf5Array&, std::int64_t, std::int64_t, std::uint16_t*);
template Status read_values(const Hdf5Array&, std::int64_t, std::int64_t, std::int64_t*);
template Status read_values(const Hdf5Array&, std::int64_t, std::int64_t, float*);
template Status read_values(const Hdf5Array&, std::int64_t, std::int64_t, double*);

Status for_each_block(const Hdf5Array& array, const std::function<Status(std::int64_t, std::int64_t)>& take) {
  const auto rows = std::int64_t(std::max<std::size_t>(1, kBlockValues / array.row_values()));
  for (std::int64_t first = 0; first < array.rows(); first += rows) {
    RETURN_IF_ERROR(take(first, std::min(rows, array.rows() - first)));
  }
  return OkStatus();
}

}  // namespace lockstep
