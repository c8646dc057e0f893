"""What of a page lies where nobody sees it: behind the window, beyond its sides, or out of its own menu."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

#: A desktop, a tablet, a phone.
SIZES: Final = ((1440, 900), (820, 1180), (390, 844))
_BEYOND: Final = """() => {
    const found = [];
    const root = document.documentElement;
    const window_ = [root.scrollWidth - root.clientWidth, root.scrollHeight - root.clientHeight];
    if (window_[0] || window_[1]) found.push(`the window scrolls by ${window_}`);
    const main = document.querySelector('main');
    if (main.scrollWidth > main.clientWidth) {
        const shown = (one) => {
            let within = one.parentElement;
            while (within !== main && getComputedStyle(within).overflowX === 'visible') within = within.parentElement;
            const box = one.getBoundingClientRect();
            return within === main && box.width && box.right > innerWidth;
        };
        const wide = [...main.querySelectorAll('*')].find(shown);
        found.push(`main is ${main.scrollWidth} wide: ${wide?.outerHTML.slice(0, 200)}`);
    }
    for (const menu of document.querySelectorAll('details.menu')) {
        const was = menu.open;
        menu.open = true;
        const pop = menu.querySelector('.pop');
        const box = pop.getBoundingClientRect();
        const out = box.left < 0 || box.right > innerWidth || pop.scrollWidth > pop.clientWidth;
        menu.open = was;
        if (out) found.push(`the menu ${menu.className} ${menu.innerText} reaches from ${box.left} to ${box.right}`);
    }
    return found;
}"""


def beyond_window(page: Page) -> list[str]:
    """Return what reaches beyond the window at each of ``SIZES``, in words; the page is left at the first of them.

    The window itself never scrolls: what is long scrolls within the page, and only tables do so sideways.
    """
    found = []
    for width, height in reversed(SIZES):
        page.set_viewport_size({"width": width, "height": height})
        found += [f"{width} wide: {said}" for said in page.evaluate(_BEYOND)]
    return found
