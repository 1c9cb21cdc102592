export { type Schema, type Static, Type } from './type.js';
export { Validator } from './validator.js';
