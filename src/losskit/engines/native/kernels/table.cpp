// The kernels of one instruction set.

#include "class_losses.hpp"
#include "elementwise.hpp"
#include "elementwise_losses.hpp"
#include "mass.hpp"

namespace losskit::LOSSKIT_ISA {
namespace {

template <template <class> class Loss>
constexpr ElementwiseKernel elementwise() {
    using Single = Loss<float>;
    return {Single::name,
            Single::parameters,
            Single::arrays,
            Single::outputs,
            Single::output,
            &Single::fits,
            &Elementwise<Single, float>::run,
            &Elementwise<Loss<double>, double>::run};
}

template <template <class> class Loss>
constexpr ClasswiseKernel classwise() {
    return {Loss<float>::name, Loss<float>::parameters, &Classwise<Loss<float>, float>::run,
            &Classwise<Loss<double>, double>::run};
}

template <class T>
using CrossEntropy = OfLogProbabilities<LogCost, T>;
template <class T>
using Focal = OfLogProbabilities<FocalCost, T>;
template <class T>
using Poly1 = OfLogProbabilities<Poly1Cost, T>;
template <class T>
using GeneralizedCrossEntropy = OfLogProbabilities<PowerCost, T>;

#define LOSSKIT_ROW(Loss) elementwise<Loss>(),
constexpr ElementwiseKernel ELEMENTWISE[] = {LOSSKIT_ELEMENTWISE(LOSSKIT_ROW){}};
#undef LOSSKIT_ROW

constexpr ClasswiseKernel CLASSWISE[] = {classwise<CrossEntropy>(),
                                         classwise<Focal>(),
                                         classwise<Poly1>(),
                                         classwise<GeneralizedCrossEntropy>(),
                                         classwise<NLL>(),
                                         classwise<KLDivergence>(),
                                         classwise<Distillation>(),
                                         {}};

}  // namespace

extern const Table table;
const Table table{ELEMENTWISE,
                  CLASSWISE,
                  &Mass<float>::run,
                  &Mass<double>::run,
                  &Classwise<MassOfRows<float>, float>::run,
                  &Classwise<MassOfRows<double>, double>::run};

}  // namespace losskit::LOSSKIT_ISA
