export {
  type Datatype,
  datatypeOf,
  elementSize,
  isDatatype,
  type NumericArray,
  type RuntimeType,
  runtimeTypeOf,
  typedView,
} from './datatypes.js';
export { openSession } from './session.js';
