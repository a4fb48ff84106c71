/// freer -- makes a unique_ptr of what a C library hands out: `std::unique_ptr<X509, Freer<X509_free>>`.
#pragma once

namespace lab {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};

}  // namespace lab
