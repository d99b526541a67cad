"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const PRINTED = {
    "--ink": "#22262d", "--soft": "#5b6270", "--rule": "#e2dfd6", "--raised": "#ffffff",
    "--c0": "#2563c4", "--c1": "#c2410c", "--c2": "#0f7b5f", "--c3": "#9333a8",
    "--c4": "#97650a", "--c5": "#0e7490", "--c6": "#be185d", "--c7": "#4b5563",
  };
  let printing = false;

  const colour = (name) =>
    printing && dark.matches
      ? PRINTED[name]
      : getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const faint = (hex) => {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${red}, ${green}, ${blue}, 0.16)`;
  };

  // After eight losses the colours begin again, dashed.
  const DASHES = ["solid", "dash", "dashdot"];

  const dressed = (trace) => {
    const meta = trace.meta || {};
    const own = meta.guide ? colour("--soft") : colour(`--c${meta.loss % 8}`);
    const dash = meta.quiet || meta.guide ? "dot" : DASHES[Math.floor(meta.loss / 8) % 3];
    const dressed = { ...trace, showlegend: false };
    if (meta.band) {
      return { ...dressed, fillcolor: faint(own), line: { width: 0 } };
    }
    dressed.line = { color: own, width: meta.guide || meta.quiet ? 1.5 : 2.25, dash };
    dressed.marker = { ...trace.marker, color: own };
    if (trace.error_x) {
      dressed.error_x = { ...trace.error_x, color: own };
    }
    return dressed;
  };

  const axis = (given) => ({
    ...given,
    gridcolor: colour("--rule"),
    linecolor: colour("--rule"),
    zeroline: false,
    tickfont: { size: 12.5 },
    title: { ...(given.title || {}), font: { size: 13.5 }, standoff: 10 },
    fixedrange: true,
  });

  const layout = (given) => ({
    ...given,
    xaxis: axis(given.xaxis),
    yaxis: axis(given.yaxis),
    shapes: (given.shapes || []).map((one) => ({
      ...one, line: { color: colour("--soft"), width: 1.5, dash: "dot" }, layer: "below",
    })),
    margin: { l: 12, r: 12, t: 12, b: 12 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, color: colour("--ink") },
    hoverlabel: { bgcolor: colour("--raised"), font: { color: colour("--ink") } },
    hovermode: "closest",
    dragmode: false,
  });

  const draw = () => {
    for (const place of document.querySelectorAll("[data-plot]")) {
      const figure = figures[place.dataset.plot];
      Plotly.react(place, figure.data.map(dressed), layout(figure.layout), {
        responsive: true, displayModeBar: false,
      });
    }
  };

  draw();
  dark.addEventListener("change", draw);
  addEventListener("beforeprint", () => { printing = true; draw(); });
  addEventListener("afterprint", () => { printing = false; draw(); });

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }
})();
