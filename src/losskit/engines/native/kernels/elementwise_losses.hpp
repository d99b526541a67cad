// All functors of elementwise losses. Of those of one name and number of arrays, the first that
// fits the parameters is the one to take.
#pragma once

#include "binary_losses.hpp"
#include "focal_losses.hpp"
#include "likelihood_losses.hpp"
#include "margin_losses.hpp"
#include "residual_losses.hpp"

#define LOSSKIT_ELEMENTWISE(X)              \
    X(AsymmetricOfWhole)                    \
    X(AsymmetricOfAny)                      \
    X(AsymmetricOfWholeUnclipped)           \
    X(AsymmetricOfAnyUnclipped)             \
    X(BinaryCrossEntropy)                   \
    X(BinaryCrossEntropyWithLogitsPlain)    \
    X(BinaryCrossEntropyWithLogitsWeighted) \
    X(BinaryFocalOfSquare)                  \
    X(BinaryFocalOfWhole)                   \
    X(BinaryFocalOfAny)                     \
    X(GammaNLL)                             \
    X(GaussianNLL)                          \
    X(Hinge)                                \
    X(HingeEmbedding)                       \
    X(Huber)                                \
    X(LogCosh)                              \
    X(MAE)                                  \
    X(MarginRanking)                        \
    X(MSE)                                  \
    X(PairwiseLogistic)                     \
    X(PoissonNLLOfLog)                      \
    X(PoissonNLLOfLogFull)                  \
    X(PoissonNLLOfRate)                     \
    X(PoissonNLLOfRateFull)                 \
    X(PolicyKL1)                            \
    X(PolicyKL2)                            \
    X(PolicyKL3)                            \
    X(Quantile)                             \
    X(RelativeEntropyOfShare)               \
    X(RelativeEntropyOfLog)                 \
    X(SmoothL1)                             \
    X(SoftMargin)                           \
    X(SquaredHinge)                         \
    X(Tweedie)
