// Polynomials of the elementary functions. Each is the minimax fit (Remez) on the range named, to
// 2^-27 (float) or 2^-56 (double) of the function that it is the tail of; what is left out are the
// leading terms, which the caller adds last so that they carry no rounding.
#pragma once

#include "target.hpp"

namespace losskit::LOSSKIT_ISA {

template <class T>
LOSSKIT_INLINE T polynomial(T, T last) {
    return last;
}

template <class T, class... Rest>
LOSSKIT_INLINE T polynomial(T x, T first, Rest... rest) {
    return first + x * polynomial(x, rest...);
}

/// (exp(r) - 1 - r)/r², |r| <= log(2)/2.
LOSSKIT_INLINE float exp_tail(float r) {
    return polynomial(r, 0.5f, 0.16666666f, 0.04166629f, 0.008333499f, 0.0013944844f,
                      0.00019789884f);
}

LOSSKIT_INLINE double exp_tail(double r) {
    return polynomial(r, 0.5000000000000011, 0.16666666666666408, 0.041666666666528254,
                      0.00833333333349725, 0.0013888888944205912, 0.00019841269502112905,
                      2.480149243751092e-05, 2.7557588949177307e-06, 2.763050440732103e-07,
                      2.4999692064035e-08);
}

/// (log(1 + f) - f)/f², -1/4 <= f <= 1/2.
LOSSKIT_INLINE float log1p_ratio(float f) {
    return polynomial(f, -0.5f, 0.33333454f, -0.25000054f, 0.19990607f, -0.16647765f, 0.14482066f,
                      -0.13162257f, 0.10448364f, -0.044909734f);
}

/// log(1 + f) - f, -1/4 <= f <= 1/2.
LOSSKIT_INLINE float log1p_tail(float f) {
    return f * f * log1p_ratio(f);
}

/// (2 atanh(s)/s - 2)/s² of w = s², |s| <= 1/5.
LOSSKIT_INLINE double atanh_tail(double w) {
    return polynomial(w, 0.666666666666666, 0.40000000000056957, 0.28571428555767053,
                      0.22222224302942625, 0.18181665507199918, 0.15391123516989008,
                      0.1317341073944545, 0.138442846939043);
}

// log(1 + f) = 2 atanh(f/(2 + f)): a division costs less than the 21 terms that double would take.
LOSSKIT_INLINE double log1p_tail(double f) {
    const double s = f / (2 + f);
    const double w = s * s;
    const double half = 0.5 * f * f;
    return s * (half + w * atanh_tail(w)) - half;
}

/// (tanh(x)/x - 1)/x² of u = x², |x| <= 1.
LOSSKIT_INLINE float tanh_tail(float u) {
    return polynomial(u, -0.33333296f, 0.13332345f, -0.05387981f, 0.02148667f, -0.007946123f,
                      0.0023013765f, -0.00035845544f);
}

LOSSKIT_INLINE double tanh_tail(double u) {
    return polynomial(u, -0.333333333333333, 0.1333333333332897, -0.0539682539664478,
                      0.021869488498051374, -0.008863235048034178, 0.0035921240347622837,
                      -0.0014558112803273284, 0.0005899311237534573, -0.00023883189998422598,
                      9.622518692745319e-05, -3.8060085041825746e-05, 1.4276087856779113e-05,
                      -4.755434017197181e-06, 1.2701843472318873e-06, -2.327166140063671e-07,
                      2.1270576121808635e-08);
}

/// (log(cosh(x))/x² - 1/2)/x² of u = x², |x| <= 1.
LOSSKIT_INLINE float log_cosh_tail(float u) {
    return polynomial(u, -0.0833331f, 0.022217417f, -0.006713373f, 0.002082293f, -0.0005602126f,
                      8.7804605e-05f);
}

LOSSKIT_INLINE double log_cosh_tail(double u) {
    return polynomial(u, -0.08333333333333194, 0.022222222222093368, -0.0067460317418637245,
                      0.0021869487852769773, -0.0007386022940287936, 0.0002565763422915953,
                      -9.097120546085922e-05, 3.272216648731515e-05, -1.182794285187044e-05,
                      4.192845570637668e-06, -1.377320340563905e-06, 3.7817602206401487e-07,
                      -7.346836765027042e-08, 7.251530629245159e-09);
}

/// ((exp(-d) - 1 + d)/d² - 1/2)/d, |d| <= 1.
LOSSKIT_INLINE float surprise_tail(float d) {
    return polynomial(d, -0.16666667f, 0.041666716f, -0.00833331f, 0.0013885823f, -0.00019844408f,
                      2.5333227e-05f, -2.7690885e-06f);
}

LOSSKIT_INLINE double surprise_tail(double d) {
    return polynomial(d, -0.16666666666666666, 0.041666666666666664, -0.008333333333333246,
                      0.001388888888888949, -0.00019841269841367924, 2.480158730122792e-05,
                      -2.7557319176212692e-06, 2.7557319319314587e-07, -2.5052120242713595e-08,
                      2.0876745364902864e-09, -1.6057474855798745e-10, 1.1471215436114223e-11,
                      -7.752502107910554e-13, 4.7992992258030486e-14);
}

}  // namespace losskit::LOSSKIT_ISA
