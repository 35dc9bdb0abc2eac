// The structures of DLPack 1.0, whose layout is the interface (https://dmlc.github.io/dlpack).
#pragma once

#include <cstdint>

namespace gibbslab::dlpack {

constexpr int32_t kCuda = 2;
constexpr uint8_t kFloat = 2;
constexpr uint64_t kReadOnly = 1, kIsCopied = 2;

struct Device {
  int32_t type, id;
};

struct DataType {
  uint8_t code, bits;
  uint16_t lanes;
};

struct Array {
  void* data;
  Device device;
  int32_t ndim;
  DataType dtype;
  int64_t* shape;
  int64_t* strides;  // in elements; null stands for C order
  uint64_t byte_offset;
};

struct Managed {
  Array array;
  void* context;
  void (*deleter)(Managed*);
};

struct Versioned {
  uint32_t major, minor;
  void* context;
  void (*deleter)(Versioned*);
  uint64_t flags;
  Array array;
};

}  // namespace gibbslab::dlpack
