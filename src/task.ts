/// <reference types="node" preserve="true" />

export { current, type CurrentTask } from './wire/functions/current.js';
