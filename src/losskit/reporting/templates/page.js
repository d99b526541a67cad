"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const downloads = JSON.parse(document.getElementById("downloads").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  // On paper the colours are the light ones, which stand first.
  const light = document.styleSheets[0].cssRules[0].style;
  let printing = false;

  const colour = (name) =>
    (printing ? light : getComputedStyle(document.documentElement)).getPropertyValue(name).trim();

  const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

  const faint = (hex) => `rgba(${channels(hex).join(", ")}, 0.16)`;

  const mixed = (one, other, share) => {
    const [a, b] = [channels(one), channels(other)];
    return `rgb(${a.map((value, at) => Math.round(value + share * (b[at] - value))).join(", ")})`;
  };

  // Scales of surfaces: from one side's colour over the paper to the other's, or from low to high.
  const scale = (kind) => {
    const [paper, first, second] = ["--paper", "--c0", "--c1"].map(colour);
    return kind === "sides"
      ? [[0, mixed(paper, first, 0.75)], [0.5, paper], [1, mixed(paper, second, 0.75)]]
      : [[0, first], [0.35, colour("--c5")], [0.7, colour("--c4")], [1, second]];
  };

  // After eight losses the colours begin again, dashed.
  const DASHES = ["solid", "dash", "dashdot"];
  const SYMBOLS = ["circle", "diamond", "square", "triangle-up", "cross"];

  const dressed = (trace) => {
    const meta = trace.meta || {};
    const dressed = { ...trace, showlegend: false };
    if (meta.scale) {
      return {
        ...dressed,
        colorscale: scale(meta.scale),
        colorbar: trace.showscale
          ? { thickness: 12, outlinewidth: 0, tickfont: { size: 12, color: colour("--ink") } }
          : undefined,
      };
    }
    const own = meta.guide ? colour("--soft") : colour(`--c${meta.colour % 8}`);
    const dash = meta.quiet || meta.guide ? "dot" : DASHES[Math.floor(meta.colour / 8) % 3];
    if (meta.band) {
      return { ...dressed, fillcolor: faint(own), line: { width: 0 } };
    }
    dressed.line = { color: own, width: meta.guide || meta.quiet ? 1.5 : 2.25, dash };
    dressed.marker = { ...trace.marker, color: own };
    if (meta.outlined) {
      dressed.marker.line = { color: colour("--paper"), width: 1 };
      dressed.marker.symbol = SYMBOLS[meta.colour % SYMBOLS.length];
    }
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

  const spatial = (given) => ({
    ...given,
    showbackground: false,
    gridcolor: colour("--rule"),
    zerolinecolor: colour("--rule"),
    color: colour("--ink"),
    showspikes: false,
  });

  const layout = (given) => {
    const shared = {
      ...given,
      margin: { l: 12, r: 12, t: 12, b: 12 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: colour("--ink") },
      hoverlabel: { bgcolor: colour("--raised"), font: { color: colour("--ink") } },
      hovermode: "closest",
    };
    if (given.scene) {
      const [x, y, z] = ["xaxis", "yaxis", "zaxis"].map((name) => spatial(given.scene[name]));
      return { ...shared, scene: { ...given.scene, xaxis: x, yaxis: y, zaxis: z } };
    }
    return {
      ...shared,
      xaxis: axis(given.xaxis),
      yaxis: axis(given.yaxis),
      shapes: (given.shapes || []).map((one) => ({
        ...one, line: { color: colour("--soft"), width: 1.5, dash: "dot" }, layer: "below",
      })),
      dragmode: false,
    };
  };

  // Surfaces need WebGL; where there is none, the page says so and the contours remain.
  const webgl = (() => {
    const context = document.createElement("canvas").getContext("webgl");
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return Boolean(context);
  })();

  const shown = {};

  const drawOne = (place) => {
    const figure = figures[place.dataset.plot];
    if (figure.layout.scene && !webgl) {
      place.textContent =
        "This browser has no WebGL, which the surface needs; the contours show the same numbers.";
      place.classList.add("note");
      return;
    }
    const moved = figure.frames ? figure.frames[shown[place.dataset.plot] ?? 0].data : [];
    const traces = figure.data.map((trace, at) => dressed({ ...trace, ...(moved[at] || {}) }));
    // Before printing the place has the paper's width already, which Plotly would learn too late.
    const size = printing ? { width: place.clientWidth } : { autosize: true };
    const given = layout({ ...figure.layout, ...size });
    Plotly.react(place, traces, given, { responsive: true, displayModeBar: false });
  };

  const draw = () => document.querySelectorAll("[data-plot]").forEach(drawOne);

  draw();
  dark.addEventListener("change", draw);

  let closed = [];
  const turn = (begins) => {
    printing = begins;
    document.documentElement.classList.toggle("printing", begins);
    if (begins) {
      closed = [...document.querySelectorAll("details:not([open])")];
    }
    closed.forEach((one) => { one.open = begins; });
    draw();
  };
  addEventListener("beforeprint", () => turn(true));
  addEventListener("afterprint", () => turn(false));

  for (const player of document.querySelectorAll("[data-plays]")) {
    const names = player.dataset.plays.split(" ");
    const [button, slider, label] = ["button", "input", "output"].map((kind) =>
      player.querySelector(kind));
    const frames = figures[names[0]].frames;
    let timer = null;
    const show = () => {
      label.textContent = slider.ariaValueText = frames[slider.value].name;
      for (const name of names) {
        shown[name] = Number(slider.value);
        drawOne(document.querySelector(`[data-plot="${name}"]`));
      }
    };
    const stop = () => {
      clearInterval(timer);
      timer = null;
      button.textContent = "Play";
    };
    slider.addEventListener("input", () => { stop(); show(); });
    button.addEventListener("click", () => {
      if (timer !== null) {
        stop();
        return;
      }
      if (Number(slider.value) === frames.length - 1) {
        slider.value = 0;
        show();
      }
      button.textContent = "Stop";
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (Number(slider.value) === frames.length - 1) {
          stop();
        }
      }, 350);
    });
    show();
  }

  for (const button of document.querySelectorAll("[data-save]")) {
    button.addEventListener("click", () => {
      const name = button.dataset.save;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([downloads[name]], { type: "text/plain" }));
      link.download = name;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }

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
