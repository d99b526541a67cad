// The kernels of one instruction set.

#include "class_losses.hpp"
#include "columns.hpp"
#include "divergence_losses.hpp"
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
            Single::rounds,
            &Elementwise<Single, float>::run,
            &Elementwise<Loss<double>, double>::run};
}

template <template <class> class Loss>
constexpr ClasswiseKernel classwise() {
    return {Loss<float>::name, Loss<float>::parameters, [](const double*) { return true; }, false,
            &Classwise<Loss<float>, float>::run, &Classwise<Loss<double>, double>::run};
}

/// One class against log p: by rows, or by columns where that is faster.
template <class Cost, class T>
Outcome run_of_log_probabilities(const ClasswiseJob& job, int threads) {
    const bool by_columns = Cost(job.parameters).smoothing == 0 && Columns<Cost, T>::serves(job);
    return by_columns ? Columns<Cost, T>::run(job, threads)
                      : Classwise<OfLogProbabilities<Cost, T>, T>::run(job, threads);
}

template <class Cost>
constexpr ClasswiseKernel of_log_probabilities() {
    return {Cost::name,
            Cost::parameters,
            &Cost::fits,
            true,
            &run_of_log_probabilities<Cost, float>,
            &run_of_log_probabilities<Cost, double>};
}

#define LOSSKIT_ROW(Loss) elementwise<Loss>(),
constexpr ElementwiseKernel ELEMENTWISE[] = {LOSSKIT_ELEMENTWISE(LOSSKIT_ROW){}};
#undef LOSSKIT_ROW

constexpr ClasswiseKernel CLASSWISE[] = {of_log_probabilities<LogCost>(),
                                         of_log_probabilities<FocalCost<WholePower>>(),
                                         of_log_probabilities<FocalCost<AnyPower>>(),
                                         of_log_probabilities<Poly1Cost>(),
                                         of_log_probabilities<PowerCost>(),
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
