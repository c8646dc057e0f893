// Draws the table of steps as a graph. The layout is dagre's, fetched when the first graph is opened.
{
  const SVG = "http://www.w3.org/2000/svg";
  const make = (name, attributes = {}, text = "") => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    return element;
  };
  const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}\u2026` : text);

  let library = null;
  const load = (address) => library ??= new Promise((done, failed) => {
    const script = Object.assign(document.createElement("script"), { src: address });
    script.addEventListener("load", done);
    script.addEventListener("error", failed);
    document.head.append(script);
  });

  const rowsOf = (graph) => [...graph.querySelectorAll("[data-node]")].map((row) => row.dataset);
  const edgesOf = (graph) => [...graph.querySelectorAll("[data-source]")].map((edge) => edge.dataset);

  const way = (edge) => ("within" in edge ? "within" : "then");
  const under = (node) => `${Number(node.runs) > 1 ? `${node.runs}\u00d7 \u00b7 ` : ""}${node.note}`;
  const wide = (node) => Math.max(128, cut(node.name, 26).length * 7.4 + 34, under(node).length * 6.6 + 34);

  function laidOut(nodes, edges) {
    const plan = new dagre.graphlib.Graph({ multigraph: true });
    plan.setGraph({ rankdir: "TB", nodesep: 28, ranksep: 38, edgesep: 18, marginx: 12, marginy: 12 });
    for (const node of nodes) plan.setNode(node.node, { width: wide(node), height: 48 });
    for (const edge of edges) plan.setEdge(edge.source, edge.target, { width: Math.max(edge.note.length, edge.more.length) * 6.4 + 6, height: 32, labelpos: "c" }, way(edge));
    dagre.layout(plan);
    return plan;
  }
  function arrow(plan, edge) {
    const path = plan.edge(edge.source, edge.target, way(edge));
    const group = make("g", { class: `edge${edge.again ? " again" : ""}${"within" in edge ? " within" : ""}` });
    const points = path.points.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`);
    group.append(make("path", { d: `M${points.join("L")}`, "marker-end": "url(#graph-arrow)" }));
    group.append(make("rect", { class: "back", x: path.x - path.width / 2, y: path.y - 15, width: path.width, height: 30, rx: 4 }));
    group.append(make("text", { x: path.x, y: path.y - 2, class: "note" }, edge.note));
    group.append(make("text", { x: path.x, y: path.y + 11, class: "more" }, edge.more));
    return group;
  }
  function box(plan, node) {
    const { x, y, width, height } = plan.node(node.node);
    const group = make("g", { class: node.failed ? "node failed" : "node", "data-kind": node.kind, "data-step": node.node, transform: `translate(${x - width / 2} ${y - height / 2})` });
    group.append(make("title", {}, `${node.name}: ${node.runs} runs, ${node.note}${node.failed ? `, ${node.failed}` : ""}`));
    group.append(make("rect", { width, height, rx: 8 }), make("rect", { class: "edge-mark", width: 4, height: height - 16, x: 7, y: 8, rx: 2 }));
    group.append(make("text", { x: 19, y: 20 }, cut(node.name, 26)));
    group.append(make("text", { x: 19, y: 37, class: "more" }, under(node)));
    return group;
  }
  async function draw(graph) {
    graph.dataset.drawn = "";
    const place = graph.querySelector(".drawn");
    try { await load(graph.dataset.library); } catch { place.hidden = true; return; } // the table says the same
    const nodes = rowsOf(graph), edges = edgesOf(graph);
    const plan = laidOut(nodes, edges);
    const { width, height } = plan.graph();
    const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Graph of ${nodes.length} steps; the table below says the same` });
    const tip = make("marker", { id: "graph-arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" });
    tip.append(make("path", { d: "M0 0 8 4 0 8z" }));
    svg.append(tip, ...edges.map((edge) => arrow(plan, edge)), ...nodes.map((node) => box(plan, node)));
    place.replaceChildren(svg);
    // A graph wider than its place begins at its root, once it is seen.
    new ResizeObserver((_, watcher) => {
      if (!place.clientWidth) return;
      place.scrollLeft = plan.node(nodes[0].node).x - place.clientWidth / 2;
      watcher.disconnect();
    }).observe(place);
  }
  addEventListener("click", (event) => {
    const node = event.target.closest?.(".graph [data-step]");
    if (node) node.closest(".graph").querySelector(`[data-node="${node.dataset.step}"] a`).click();
  });
  const drawAll = () => { for (const graph of document.querySelectorAll(".graph:not([data-drawn])")) draw(graph); };
  addEventListener("htmx:after:swap", drawAll);
  drawAll();
}
