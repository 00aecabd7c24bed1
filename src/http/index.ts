// What a server needs of its HTTP service.
export { HTTP_DEFAULTS, type HttpOptions } from './options.js';
export { startHttp } from './service.js';
