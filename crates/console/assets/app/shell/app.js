// The frame around the pages.
import { may } from '../core/roles.js';
import { link as address } from '../core/router.js';
import { raised } from '../data/cases.js';
import { leave } from '../data/enter.js';
import { link } from '../data/live.js';
import { place } from '../data/place.js';
import { session } from '../data/session.js';
import { settings } from '../data/settings.js';
import { t, tOr } from '../data/text.js';
import { AskHere } from '../parts/ask.js';
import { classes, html, useEffect, useState, useStore } from '../parts/html.js';
import { Icon } from '../parts/icon.js';
import { SaidHere } from '../parts/say.js';
import { Button, Empty } from '../parts/signs.js';
import { Banners } from './banner.js';
import { Header } from './header.js';
import { HelpHere } from './help.js';
import { help, useGlobalKeys } from './keys.js';
import { Login } from './login.js';
import { PAGES } from './pages.js';
import { Preferences } from './preferences.js';

/** New cases, for those who listen to the page instead of seeing it. @returns {any} */
function Announced() {
  const last = useStore(raised, (list) => list.at(-1));
  return html`<div class="unseen" role="log" aria-live="assertive">${last && html`<p key=${last.id}>
    ${t('announce.case', { severity: t(`severity.${last.severity}`), what: tOr(`condition.${last.condition}`, last.text), who: last.name ?? last.source })}</p>`}</div>`;
}

/** @param {{page: string, open: boolean, onGone: () => void}} props @returns {any} */
function Menu({ page, open, onGone }) {
  const { role, open: free } = useStore(session);
  return html`
    <nav class=${classes('menu', open && 'open')} id="menu" aria-label=${t('header.menu')}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === 'Escape') onGone(); }}>
      <ul>
        ${PAGES.filter((one) => may(role ?? 'reader', one.role)).map((one) => html`<li key=${one.name}>
          <a href=${address(one.name)} aria-current=${one.name === page ? 'page' : undefined} onClick=${onGone}><${Icon} name=${one.name} />${t(`page.${one.name}`)}</a></li>`)}
      </ul>
      <details class="settings"><summary>${t('settings.title')}</summary><${Preferences} /></details>
      <p class="who">${free ? t('role.open') : role ? t(`role.${role}`) : t('role.unknown')}</p>
      <${Button} icon="help" label=${t('help.title')} onClick=${() => help.set(true)} />
      ${!free && html`<${Button} icon="back" label=${t('login.leave')} onClick=${leave} />`}
    </nav>`;
}

/** @returns {any} */
function Inside() {
  const route = useStore(place);
  const lost = useStore(link, (now) => now.state === 'lost');
  const role = useStore(session, (now) => now.role);
  const [menu, setMenu] = useState(false);
  useGlobalKeys();
  const page = PAGES.find((one) => one.name === route.page);
  useEffect(() => { document.title = page ? `${t(`page.${page.name}`)} · Spica` : 'Spica'; });
  const wall = route.page === 'cases' && route.rest[0] === 'wall';
  const allowed = page && (page.role === 'reader' || may(role, page.role));
  return html`
    <a class="skip" href="#main" onClick=${(/** @type {Event} */ event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>${t('header.skip')}</a>
    <div class=${classes('frame', lost && 'lost', wall && 'wall-frame')}>
      ${!wall && html`<${Header} menu=${menu} onMenu=${() => setMenu(!menu)} />`}
      <div class="banners"><${Banners} /></div>
      ${!wall && html`<${Menu} page=${route.page} open=${menu} onGone=${() => setMenu(false)} />`}
      <main id="main" tabindex="-1" class=${`page ${route.page}`}>
        ${allowed ? html`<${page.view} route=${route} />` : html`<${Empty}>${page ? t('error.forbidden') : t('error.no-page')}</${Empty}>`}
      </main>
    </div>
    <${Announced} />`;
}

/** @returns {any} */
export function App() {
  const { phase } = useStore(session);
  const language = useStore(settings, (now) => now.language);
  return html`<div key=${language} class="app">
    ${phase === 'in' ? html`<${Inside} />` : html`<${Login} />`}
    <${AskHere} /><${SaidHere} /><${HelpHere} />
  </div>`;
}
