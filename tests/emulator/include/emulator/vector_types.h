// CUDA's built-in vector types, with the alignment the device demands of them.
#pragma once

struct alignas(1) char1 {
  signed char x;
};
struct alignas(2) char2 {
  signed char x, y;
};
struct char3 {
  signed char x, y, z;
};
struct alignas(4) char4 {
  signed char x, y, z, w;
};
struct uchar1 {
  unsigned char x;
};
struct alignas(2) uchar2 {
  unsigned char x, y;
};
struct uchar3 {
  unsigned char x, y, z;
};
struct alignas(4) uchar4 {
  unsigned char x, y, z, w;
};
struct alignas(4) short2 {
  short x, y;
};
struct alignas(8) short4 {
  short x, y, z, w;
};
struct alignas(4) ushort2 {
  unsigned short x, y;
};
struct alignas(8) ushort4 {
  unsigned short x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct int3 {
  int x, y, z;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct uint3 {
  unsigned x, y, z;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(16) longlong2 {
  long long x, y;
};
struct alignas(16) ulonglong2 {
  unsigned long long x, y;
};
struct alignas(8) float2 {
  float x, y;
};
struct float3 {
  float x, y, z;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};

#define GIBBSLAB_MAKE2(type, T) \
  static inline type make_##type(T x, T y) { return {x, y}; }
#define GIBBSLAB_MAKE3(type, T) \
  static inline type make_##type(T x, T y, T z) { return {x, y, z}; }
#define GIBBSLAB_MAKE4(type, T) \
  static inline type make_##type(T x, T y, T z, T w) { return {x, y, z, w}; }
GIBBSLAB_MAKE2(char2, signed char)
GIBBSLAB_MAKE4(char4, signed char)
GIBBSLAB_MAKE2(uchar2, unsigned char)
GIBBSLAB_MAKE4(uchar4, unsigned char)
GIBBSLAB_MAKE2(short2, short)
GIBBSLAB_MAKE4(short4, short)
GIBBSLAB_MAKE2(ushort2, unsigned short)
GIBBSLAB_MAKE4(ushort4, unsigned short)
GIBBSLAB_MAKE2(int2, int)
GIBBSLAB_MAKE3(int3, int)
GIBBSLAB_MAKE4(int4, int)
GIBBSLAB_MAKE2(uint2, unsigned)
GIBBSLAB_MAKE3(uint3, unsigned)
GIBBSLAB_MAKE4(uint4, unsigned)
GIBBSLAB_MAKE2(longlong2, long long)
GIBBSLAB_MAKE2(ulonglong2, unsigned long long)
GIBBSLAB_MAKE2(float2, float)
GIBBSLAB_MAKE3(float3, float)
GIBBSLAB_MAKE4(float4, float)
GIBBSLAB_MAKE2(double2, double)
#undef GIBBSLAB_MAKE2
#undef GIBBSLAB_MAKE3
#undef GIBBSLAB_MAKE4
