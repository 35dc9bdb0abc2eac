#include "csrc/core/products.h"

#include "csrc/core/settings.h"

namespace gibbslab {

bool fixed_point_products() {
  return !setting("products", "GIBBSLAB_PRODUCTS", {"int8x3"}).empty();
}

}  // namespace gibbslab
