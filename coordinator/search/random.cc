#include "coordinator/search/searchers.h"

namespace lockstep {

Suggestion suggest_random(const Question& question) {
  const Point point = Draws("search.random", question.seed, question.trial).untried_point(question);
  return {question.space.at(point),
          question.tried(point) ? "random draw; it was tried before, as were all others drawn" : "random draw"};
}

}  // namespace lockstep
