// The number types that arrays of other libraries hold, and the float32 nearest to each value.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "csrc/core/float_bits.h"

namespace gibbslab {

enum class Element { kBool, kUint8, kInt8, kInt16, kInt32, kInt64, kFloat16, kBfloat16, kFloat64 };

// As NumPy and others call them, in the order of Element.
constexpr std::array<std::string_view, 9> kElementNames{
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float64"};

// Infinity where float32 cannot hold a float64.
template <class T>
struct NumberElement {
  using Stored = T;
  GIBBSLAB_HD_MEMBER float value(T x) { return static_cast<float>(x); }
};

struct BoolElement {
  using Stored = uint8_t;
  GIBBSLAB_HD_MEMBER float value(uint8_t x) { return x != 0 ? 1.0f : 0.0f; }
};

// IEEE 754 binary16; subnormals, infinities and NaN included.
struct Float16Element {
  using Stored = uint16_t;
  GIBBSLAB_HD_MEMBER float value(uint16_t x) {
    const uint32_t exponent = x >> 10 & 31u, fraction = x & 1023u;
    float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    if (exponent > 0)
      magnitude = float_from_bits((exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13);
    return x >> 15 != 0 ? -magnitude : magnitude;
  }
};

// The upper half of a float32.
struct Bfloat16Element {
  using Stored = uint16_t;
  GIBBSLAB_HD_MEMBER float value(uint16_t x) { return float_from_bits(uint32_t{x} << 16); }
};

// visit(T{}), T being the structure above that reads such elements.
template <class Visit>
auto visit_element(Element element, const Visit& visit) {
  switch (element) {
    case Element::kBool:
      return visit(BoolElement{});
    case Element::kUint8:
      return visit(NumberElement<uint8_t>{});
    case Element::kInt8:
      return visit(NumberElement<int8_t>{});
    case Element::kInt16:
      return visit(NumberElement<int16_t>{});
    case Element::kInt32:
      return visit(NumberElement<int32_t>{});
    case Element::kInt64:
      return visit(NumberElement<int64_t>{});
    case Element::kFloat16:
      return visit(Float16Element{});
    case Element::kBfloat16:
      return visit(Bfloat16Element{});
    case Element::kFloat64:
      break;
  }
  return visit(NumberElement<double>{});
}

inline int64_t bytes_of(Element element) {
  return visit_element(
      element, [](auto number) { return int64_t{sizeof(typename decltype(number)::Stored)}; });
}

}  // namespace gibbslab
