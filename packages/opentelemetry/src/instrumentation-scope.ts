/** Name of the instrumentation scope under which metrics and spans appear: this package's. */
export const INSTRUMENTATION_NAME = '@evertoken/opentelemetry';

/** Version of the instrumentation scope: this package's. */
export const INSTRUMENTATION_VERSION = '0.1.0';
