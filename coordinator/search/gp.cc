#include <algorithm>
#include <cmath>
#include <numbers>

#include "coordinator/search/gaussian_process.h"
#include "coordinator/search/searchers.h"
#include "coordinator/search/warp.h"

namespace lockstep {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::size_t kMostFitted = 120;   // trials from which the hyperparameters are found: half best, half newest
constexpr std::size_t kMostTrained = 400;  // trials that the prediction knows, in the same way
constexpr std::size_t kMostPending = 100;
constexpr int kSobolCandidates = 512;
constexpr int kKept = 5;         // candidates around which the search goes on
constexpr int kNeighbours = 20;  // of each, a round
constexpr int kRounds = 9;
constexpr double kFirstScale = 0.2, kFactorOfScale = 0.4;

// Log of (z Phi(z) + phi(z)), the improvement to expect of a standard normal below z.
double log_improvement(double z) {
  const double log_density = -z * z / 2 - std::log(2 * std::numbers::pi) / 2;
  // Far out the two terms cancel: the tail's series.
  if (z < -10) return log_density - 2 * std::log(-z) + std::log1p(-3 / (z * z) + 15 / (z * z * z * z));
  return std::log(z * std::erfc(-z / std::numbers::sqrt2) / 2 + std::exp(log_density));
}

GaussianProcessShape shape_of(const SearchSpace& space) {
  GaussianProcessShape shape{space.dimensions(), {}};
  for (int d = 0; d < space.dimensions(); ++d) {
    const int columns = space.categorical(d) ? static_cast<int>(space.values(d)) : 1;
    shape.dimension_of_column.insert(shape.dimension_of_column.end(), columns, d);
  }
  return shape;
}

// One row a point, of snapped coordinates. A categorical parameter that is not active has no choice.
MatrixXd rows_of(const SearchSpace& space, const GaussianProcessShape& shape,
                 const std::vector<std::vector<double>>& points) {
  MatrixXd rows = MatrixXd::Zero(static_cast<Eigen::Index>(points.size()),
                                 static_cast<Eigen::Index>(shape.dimension_of_column.size()));
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    Eigen::Index column = 0;
    for (int d = 0; d < space.dimensions(); ++d) {
      if (!space.categorical(d)) {
        rows(row, column++) = points[i][d];
        continue;
      }
      const auto choices = static_cast<Eigen::Index>(space.values(d));
      const auto choice = static_cast<Eigen::Index>(points[i][d] * space.values(d));
      if (space.has(points[i], d)) rows(row, column + choice) = std::numbers::sqrt2 / 2;
      column += choices;
    }
  }
  return rows;
}

// Trials as what a model learns from.
struct Lesson {
  std::vector<std::vector<double>> points;
  std::vector<double> values;

  void add(const std::vector<double>& point, double value) {
    points.push_back(point);
    values.push_back(value);
  }
};

Warp warp_of(const History& history) {
  std::vector<double> rising;
  for (const Past* past : history.done()) rising.push_back(past->value);
  return {rising, history.finished() - static_cast<int>(rising.size())};
}

// At most so many finished trials: the best and the newest.
Lesson finished_trials(const History& history, const Warp& warp, std::size_t most) {
  std::vector<std::pair<double, const Past*>> best;
  for (const Past* past : history.done()) best.emplace_back(warp.at(best.size()), past);
  for (const Past& past : history.trials()) {
    if (past.state == Observation::State::kFailed) best.emplace_back(warp.failed(), &past);
  }
  const auto later = [](const auto& a, const auto& b) { return a.second->trial > b.second->trial; };
  if (best.size() > most) {
    const auto middle = best.begin() + static_cast<std::ptrdiff_t>(most / 2);
    std::sort(middle, best.end(), later);
    best.resize(most);
  }
  Lesson lesson;
  for (const auto& [value, past] : best) lesson.add(past->unit, value);
  return lesson;
}

VectorXd vector_of(const std::vector<double>& values) {
  return Eigen::Map<const VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
}

// A model of the trials.
class Model {
 public:
  explicit Model(const Inquiry& question)
      : space_(question.space),
        shape_(shape_of(space_)),
        warp_(warp_of(question.history)),
        lesson_(finished_trials(question.history, warp_, kMostTrained)),
        process_(process(question)) {
    best_ = process_.at(rows_of(space_, shape_, lesson_.points)).mean.minCoeff();
  }

  struct Judgement {
    double log_improvement = 0;  // in deviations
    double mean = 0, deviation = 0;
  };
  // Of snapped points.
  std::vector<Judgement> judgements(const std::vector<std::vector<double>>& points) const {
    const GaussianProcess::Prediction prediction = process_.at(rows_of(space_, shape_, points));
    std::vector<Judgement> result(points.size());
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      const double mean = prediction.mean[row], deviation = prediction.deviation[row];
      result[i] = {std::log(deviation) + log_improvement((best_ - mean) / deviation), mean, deviation};
    }
    return result;
  }
  std::string describe(const Judgement& judgement) const {
    return fmt::format("GP: expected improvement {:.3g} deviations at {:.4g} ({:.4g} to {:.4g})",
                       std::exp(judgement.log_improvement), warp_.back(judgement.mean),
                       warp_.back(judgement.mean - judgement.deviation),
                       warp_.back(judgement.mean + judgement.deviation));
  }

 private:
  GaussianProcess process(const Inquiry& question) const {
    const Lesson part = finished_trials(question.history, warp_, kMostFitted);
    const auto hyperparameters =
        GaussianProcess::most_likely(shape_, rows_of(space_, shape_, part.points), vector_of(part.values));
    Lesson lesson = lesson_;
    std::size_t pending = 0;
    const std::vector<Past>& trials = question.history.trials();
    for (auto past = trials.rbegin(); past != trials.rend() && pending < kMostPending; ++past) {
      if (past->state != Observation::State::kPending) continue;
      lesson.add(past->unit, 0);  // the mean
      ++pending;
    }
    return {shape_, rows_of(space_, shape_, lesson.points), vector_of(lesson.values),
            static_cast<Eigen::Index>(lesson_.values.size()), hyperparameters};
  }

  const SearchSpace& space_;
  const GaussianProcessShape shape_;
  const Warp warp_;
  const Lesson lesson_;
  const GaussianProcess process_;
  double best_ = 0;  // the smallest mean at a trial
};

struct Candidate {
  Point point;
  Model::Judgement judgement;
};

// The best of all points that it is shown.
class Shortlist {
 public:
  Shortlist(const Inquiry& question, const Model& model) : question_(question), model_(model) {}

  const std::vector<Candidate>& best_first() const { return kept_; }
  void show(const std::vector<Point>& points) {
    std::vector<Point> untried;
    std::vector<std::vector<double>> snapped;
    for (const Point& point : points) {
      std::vector<double> unit = question_.space.snapped(point);
      if (question_.history.tried(unit)) continue;
      untried.push_back(point);
      snapped.push_back(std::move(unit));
    }
    if (untried.empty()) return;
    const std::vector<Model::Judgement> judgements = model_.judgements(snapped);
    for (std::size_t i = 0; i < untried.size(); ++i) kept_.push_back({untried[i], judgements[i]});
    std::stable_sort(kept_.begin(), kept_.end(), [](const Candidate& a, const Candidate& b) {
      return a.judgement.log_improvement > b.judgement.log_improvement;
    });
    if (kept_.size() > kKept) kept_.resize(kKept);
  }

 private:
  const Inquiry& question_;
  const Model& model_;
  std::vector<Candidate> kept_;
};

// A point nearby: about half of the numbers moved, and seldom another choice.
Point neighbour(const SearchSpace& space, const Point& point, double scale, Draws& draws) {
  Point result = point;
  for (int d = 0; d < space.dimensions(); ++d) {
    if (space.categorical(d)) {
      if (draws.uniform() * (space.dimensions() + 1) < 1) result[d] = draws.uniform();
    } else if (draws.uniform() < 0.5) {
      const double step = std::max(scale, 1 / space.values(d)) * draws.normal();
      result[d] = std::clamp(point[d] + step, 0.0, 1.0);
    }
  }
  return result;
}

}  // namespace

Suggestion suggest_gp(const proto::GpSearch& gp, const Inquiry& question) {
  const History& history = question.history;
  if (history.done().size() < 2 || history.finished() < gp.startup_trials()) return suggest_sobol(question);
  const SearchSpace& space = question.space;
  const Model model(question);
  Draws draws("search.gp", question.seed, question.trial);
  Shortlist shortlist(question, model);
  shortlist.show(sobol_points(space.dimensions(), 0, kSobolCandidates, draws.point(space.dimensions())));
  double scale = kFirstScale;
  for (int round = 0; round < kRounds; ++round, scale *= kFactorOfScale) {
    std::vector<Point> centres;
    for (const Candidate& candidate : shortlist.best_first()) centres.push_back(candidate.point);
    for (int i = 0; i < 2; ++i) centres.push_back(history.done()[i]->unit);
    std::vector<Point> points;
    for (const Point& centre : centres) {
      for (int i = 0; i < kNeighbours; ++i) points.push_back(neighbour(space, centre, scale, draws));
    }
    shortlist.show(points);
  }
  if (!shortlist.best_first().empty()) {
    const Candidate& best = shortlist.best_first().front();
    return {space.at(best.point), model.describe(best.judgement)};
  }
  const Suggestion random = suggest_random(question);
  return {random.assignments, fmt::format("GP: all candidates were tried before, so instead: {}", random.reason)};
}

}  // namespace lockstep
