"""The README's example: `make run` made the demo's videos, and the verb `bundle` made bundles/demo of its main run."""

from av_highlights import MomentFinder

finder = MomentFinder.load("bundles/demo")
answers = finder.find("data/demo/videos/demo_053.mp4", ["A siren wails.", "We see a yellow disc."])
for answer in answers:
    print(answer.query)
    for moment in answer.moments[:2]:
        gate = answer.mean_gate(moment)  # None without sound, or without gates
        heard = "not heard" if gate is None else f"audio gate {gate:.2f}"
        print(f"  {moment.start:4.1f} to {moment.end:4.1f} s: score {moment.score:.2f}, {heard}")
answers[0].plot("curve.png")
