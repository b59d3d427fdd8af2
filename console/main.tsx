import 'uplot/dist/uPlot.min.css';
// In this order: later rules override earlier ones.
import './styles/base.css';
import './styles/frame.css';
import './styles/overview.css';
import './styles/tables.css';
import './styles/heat.css';
import './styles/running.css';
import './styles/forms.css';
import './styles/keys.css';
import './styles/narrow.css';
import { render } from 'preact';
import { App } from './app.tsx';

render(<App />, document.body);
