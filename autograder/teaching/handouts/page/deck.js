// A slide that holds too much becomes smaller until it fits: lessons differ, and nobody proof-reads every deck.
function fit(slide) {
  if (!slide || slide.dataset.fitted) return;
  const body = slide.querySelector(".body");
  if (!body || !slide.offsetHeight) return;
  const room = slide.offsetHeight - 26;
  const pixels = (element) => parseFloat(getComputedStyle(element).fontSize);
  for (const child of body.children)  // a long formula or line of code shrinks alone
    if (child.scrollWidth > child.clientWidth + 2 && child.tagName !== "IMG")
      child.style.fontSize = (0.96 * pixels(child) * child.clientWidth) / (child.scrollWidth * pixels(body)) + "em";
  for (let size = 100; size >= 56; size -= 4) {
    body.style.fontSize = size === 100 ? "" : size + "%";
    const bottom = body.offsetTop + body.offsetHeight;
    slide.dataset.fitted = size;
    if (bottom <= room) break;
  }
}

// The clock of an exercise: T or a click starts and stops it; it goes on while other slides are shown.
function clock(element) {
  const button = element.querySelector("button");
  let left = Math.round(Number(element.dataset.minutes) * 60), since = null;
  const show = () => {
    const now = since === null ? left : left - Math.floor((Date.now() - since) / 1000);
    const whole = Math.abs(now);
    const two = (number) => String(number).padStart(2, "0");
    button.textContent = (now < 0 ? "+" : "") + two(Math.floor(whole / 60)) + ":" + two(whole % 60);
    element.classList.toggle("over", now < 0);
    return now;
  };
  element.toggle = () => {
    if (since === null) since = Date.now();
    else { left = show(); since = null; }
    element.classList.toggle("running", since !== null);
  };
  button.addEventListener("click", () => { element.toggle(); button.blur(); });
  setInterval(() => since !== null && show(), 250);
}

document.querySelectorAll(".clock").forEach(clock);
Reveal.initialize({
  width: 1280, height: 720, margin: 0.02, center: false, hash: true, slideNumber: "c/t", transition: "none",
  navigationMode: "linear", plugins: [RevealNotes],
  keyboard: { 84: () => { const c = Reveal.getCurrentSlide().querySelector(".clock"); if (c) c.toggle(); } },
});
Reveal.on("ready", (event) => fit(event.currentSlide));
Reveal.on("slidechanged", (event) => fit(event.currentSlide));
